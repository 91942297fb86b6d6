//! A server that speaks TDS 7.4 with TLS, and answers queries from a file: `sqlserver CERTIFICATE KEY ANSWERS`. It prints its
//! port.
//!
//! The file maps each query to its rows of texts and nulls, or to an error: a number and a message.

use std::error::Error;

use mssql_mock_tds::query_response::{ColumnDefinition, ColumnValue, QueryResponse, Row, SqlDataType, TerminalError};
use mssql_mock_tds::server::MockTdsServer;
use mssql_mock_tds::tls_helper::create_test_identity;
use serde_json::{Map, Value};

/// Severity of an error that ends the statement alone.
const STATEMENT: u8 = 14;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [certificate, key, answers] = paths.as_slice() else { return Err("three files are needed".into()) };
    let identity = create_test_identity(&std::fs::read(certificate)?, &std::fs::read(key)?)?;
    let server = MockTdsServer::new_with_tls("127.0.0.1:0", Some(identity)).await?;
    let answers: Map<String, Value> = serde_json::from_slice(&std::fs::read(answers)?)?;
    for (query, answer) in answers {
        server.query_registry().lock().await.register(query, response(&answer));
    }
    println!("{}", server.local_addr().port());
    Ok(server.run().await?)
}

fn response(answer: &Value) -> QueryResponse {
    if let (Some(number), Some(message)) = (answer["number"].as_u64(), answer["message"].as_str()) {
        let mut failed = QueryResponse::new(Vec::new(), Vec::new());
        failed.terminal_error = Some(TerminalError::new(number as u32, STATEMENT, message));
        return failed;
    }
    let rows = answer.as_array().into_iter().flatten().filter_map(Value::as_array);
    let rows: Vec<Row> = rows.map(|row| Row::new(row.iter().map(text).collect())).collect();
    let width = rows.first().map_or(0, |row| row.values.len());
    let columns = (0..width).map(|_| ColumnDefinition::new("", SqlDataType::NVarCharMax)).collect();
    QueryResponse::new(columns, rows)
}

fn text(value: &Value) -> ColumnValue {
    match value.as_str() {
        Some("") => ColumnValue::NVarCharMax(Vec::new()),
        Some(text) => ColumnValue::NVarCharMax(vec![text.encode_utf16().collect()]),
        None => ColumnValue::NVarCharMaxNull,
    }
}
