//! Connection records in other languages (`lc_messages`): they are not read, and never pass for an empty log.
//!
//! Source: the message catalogues of PostgreSQL 13, 15, 17 and 18, `src/backend/po/*.po`, for `connection authorized: user=%s`,
//! its variants and `connection received: host=%s`. Chinese leaves some of them in English.
//!
//! A log in one of these languages is reported with its name. Of other languages, only the shape of the record is noticed:
//! a TLS mark at the end of a line, or the tag of a session being established.
//!
//! ```text
//! 2026-11-23 10:00:00 UTC:10.0.0.7(1):app@orders:[7]:LOG:  Verbindung autorisiert: Benutzer=app Datenbank=orders
//! ```

use std::sync::LazyLock;

use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};

/// How records of sessions begin, by language.
///
/// The first part is the name for reports. A language has several rows where versions differ, and for replication.
const AUTHORIZED: &[(&str, &str)] = &[
    ("German", "Verbindung autorisiert: Benutzer="),
    ("German", "Replikationsverbindung autorisiert: Benutzer="),
    ("Spanish", "conexión autorizada: usuario="),
    ("Spanish", "conexión de replicación autorizada: usuario="),
    ("French", "connexion autorisée : utilisateur="),
    ("French", "connexion de réplication autorisée : utilisateur="),
    ("Italian", "connessione autorizzata: utente="),
    ("Italian", "connessione di replica autorizzata: utente="),
    ("Japanese", "接続の認証完了: ユーザー="),
    ("Japanese", "接続が認証されました: ユーザー="),
    ("Japanese", "レプリケーション接続の認証完了: ユーザー="),
    ("Georgian", "შეერთება ავტორიზებულია: მომხმარებელი="),
    ("Georgian", "რეპლიკაციის შეერთება ავტორიზებულია: მომხმარებელი="),
    ("Korean", "연결 인증: user="),
    ("Korean", "연결 인증: 사용자="),
    ("Korean", "복제 연결 인증: user="),
    ("Korean", "복제 연결 인증: 사용자="),
    ("Russian", "подключение авторизовано: пользователь="),
    ("Russian", "подключение для репликации авторизовано: пользователь="),
    ("Swedish", "anslutning auktoriserad: användare="),
    ("Swedish", "replikeringsanslutning auktoriserad: användare="),
    ("Ukrainian", "підключення авторизовано: користувач="),
    ("Ukrainian", "підключення для реплікації авторизовано: користувач="),
    ("Chinese", "复制连接已经授权: 用户="),
    ("Chinese", "复制连接已经授权: user="),
    ("Chinese", "复制连接已经授权:  user="),
    ("Chinese", "复制连接已授权: user="),
    ("Chinese", "已授权连接: user="),
    ("Chinese", "已授权连接 : user="),
    ("Chinese", "已授权连接: 主机="),
    ("Chinese", "连接已授权: user="),
    ("Chinese", "連線已授權: user="),
    ("Chinese", "複寫連線已授權: user="),
    ("Indonesian", "koneksi terautorisasi: user="),
    ("Indonesian", "koneksi replikasi terautorisasi: user="),
    ("Polish", "zautoryzowano połączenie: użytkownik="),
    ("Polish", "zautoryzowano połączenie replikacji: użytkownik="),
    ("Portuguese", "conexão autorizada: usuário="),
    ("Portuguese", "conexão de replicação autorizada: usuário="),
    ("Turkish", "bağlantı tanımı: kullanıcı="),
];

/// How records of connection attempts begin, by language.
///
/// Replication has no row of its own here: an attempt does not say what it is for.
const RECEIVED: &[(&str, &str)] = &[
    ("German", "Verbindung empfangen: Host="),
    ("Spanish", "conexión recibida: host="),
    ("French", "connexion reçue : hôte="),
    ("Italian", "connessione ricevuta: host="),
    ("Japanese", "接続を受け付けました: ホスト="),
    ("Georgian", "შემოსული დაკავშირება: ჰოსტი="),
    ("Korean", "접속 수락: host="),
    ("Russian", "принято подключение: узел="),
    ("Swedish", "ansluting mottagen: värd="),
    ("Ukrainian", "з'єднання отримано: хост="),
    ("Chinese", "已接收到连接: 主机="),
    ("Chinese", "已接收到连接: host="),
    ("Chinese", "連線已接收: host="),
    ("Indonesian", "koneksi yang diterima: host="),
    ("Indonesian", "koneksi yang diteruma: host="),
    ("Polish", "odebrano połączenie: host="),
    ("Portuguese", "conexão recebida: host="),
    ("Turkish", "bağlantı alındı: istemci="),
];

/// All of them in one search. None where the expression is not one, which a test rules out.
///
/// Compiled at first use. It works on bytes, because logs may hold bytes that are not UTF-8.
static HEADS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let heads: Vec<String> = RECEIVED.iter().chain(AUTHORIZED).map(|(_, head)| regex::escape(head)).collect();
    RegexBuilder::new(&heads.join("|")).unicode(false).build().ok()
});

/// The language of the first message about a connection in `text` that the server wrote itself. Names and statements can hold
/// any message: `is_written` says whether the server wrote the one that begins at an offset.
///
/// None where no such message stands in `text`, or a client wrote all of them.
pub(super) fn language(text: &[u8], is_written: impl Fn(usize) -> bool) -> Option<&'static str> {
    let found = HEADS.as_ref()?.find_iter(text).find(|found| is_written(found.start()))?;
    let all = RECEIVED.iter().chain(AUTHORIZED);
    all.into_iter().find(|(_, head)| head.as_bytes() == found.as_bytes()).map(|(language, _)| *language)
}

/// Whether the command tag is one of a session that is being established.
///
/// True for no tag and for an empty one too.
pub(super) fn establishes(tag: Option<&[u8]>) -> bool {
    tag.is_none_or(|tag| tag.is_empty() || tag == b"authentication")
}

/// Whether a line names a TLS version and a cipher at its end, in whatever words: ` SSL ... (...=TLSv1.3, ...=...)`.
///
/// The closing parenthesis may be a full-width one, as in Chinese. A cipher has more than eight characters.
pub(super) fn ends_in_tls(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let Some(mark) = memmem::rfind(line, b"=TLSv1").and_then(|at| line.get(at + 1..)) else { return false };
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let cipher = mark.split(|byte| *byte == b'=').nth(1).unwrap_or_default();
    (line.ends_with(b")") || line.ends_with("）".as_bytes())) && cipher.iter().take_while(|byte| word(byte)).count() > 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hints, Scanner, Tally, detect};

    /// The language that a scan of a whole log reports.
    fn language_of(log: &str) -> Option<&'static str> {
        let parser = detect(log.as_bytes(), &Hints::default()).expect("a known format");
        Scanner::new(parser.as_ref(), 1).scan(log.as_bytes(), &mut Tally::default()).unsupported_language
    }

    /// A line of the stderr log, with RDS's default prefix. `message` begins with its severity.
    fn stderr(message: &str) -> String {
        format!("2026-11-23 10:00:00 UTC:10.0.0.7(1):app@orders:[7]:{message}\n")
    }

    /// A record of the csv log of severity LOG. `context` is the text of its column, with its quotes.
    fn csv(tag: &str, message: &str, context: &str) -> String {
        format!(
            "2026-11-23 10:00:00.000 UTC,\"app\",\"orders\",7,\"10.0.0.7:1\",6b.7,2,\"{tag}\",2026-11-23 10:00:00 UTC,3/1,\
             0,LOG,00000,\"{message}\",,,,,{context},,,,\"\",\"client backend\",,0\n"
        )
    }

    /// A record of the json log of severity LOG. `rest` begins with the key of the message.
    fn json(tag: &str, rest: &str) -> String {
        format!(
            "{{\"timestamp\":\"2026-11-23 10:00:00.000 UTC\",\"user\":\"app\",\"ps\":\"{tag}\",\"error_severity\":\"LOG\",\
             {rest}}}\n"
        )
    }

    #[test]
    fn every_language_is_found_by_each_of_its_heads() {
        for (language, head) in RECEIVED.iter().chain(AUTHORIZED) {
            let logs = [
                stderr(&format!("LOG:  {head}app")),
                stderr(&format!("LOG:  00000: {head}app")),
                csv("authentication", &format!("{head}app"), ""),
                json("authentication", &format!("\"message\":\"{head}app\"")),
            ];
            for log in logs {
                assert_eq!(language_of(&log), Some(*language), "{log}");
            }
        }
    }

    /// Rows: statements, errors, names and `RAISE LOG` that hold the head of a German record.
    #[test]
    fn what_clients_write_tells_no_language() {
        let head = "Verbindung autorisiert: Benutzer=";
        let raised = stderr(&format!("LOG:  {head}app"))
            + &stderr("CONTEXT:  PL/pgSQL function inline_code_block line 1 at RAISE");
        let named =
            format!("2026-11-23 10:00:00 UTC:10.0.0.7(1):x@y:[1]:LOG:  {head}@orders:[7]:FATAL:  no such role\n");
        let logs = [
            stderr(&format!("LOG:  statement: select ': {head}app'")),
            stderr(&format!("ERROR:  column \"LOG:  {head}app\" does not exist")),
            named,
            raised,
            csv("SELECT", &format!("statement: select \"\"{head}app"), ""),
            csv("DO", &format!("{head}app"), "\"PL/pgSQL function inline_code_block line 1 at RAISE\""),
            json("DO", &format!("\"message\":\"{head}app\",\"context\":\"PL/pgSQL function at RAISE\"")),
            json("SELECT", &format!("\"message\":\"statement: select \\\"message\\\":\\\"{head}app\"")),
        ];
        for log in logs {
            assert_eq!(language_of(&log), None, "{log}");
        }
    }

    /// A language of no catalogue, in each format: no words of it are known, and it is not taken for silence.
    #[test]
    fn an_unknown_language_is_noticed() {
        let logs = [
            "2026-11-23 10:00:00 UTC:10.0.0.7(1):app@orders:[7]:LOG:  tenging tókst: notandi=app gagnagrunnur=orders SSL virkt (útgáfa=TLSv1.3, dulmál=TLS_AES_256_GCM_SHA384, bits=256)\n",
            "2026-11-23 10:00:00.000 UTC,\"app\",\"orders\",7,\"10.0.0.7:1\",6b.7,2,\"authentication\",2026-11-23 10:00:00 UTC,3/1,0,LOG,00000,\"tenging tókst: notandi=app\",,,,,,,,,\"\",\"client backend\",,0\n",
            "{\"timestamp\":\"2026-11-23 10:00:00.000 UTC\",\"user\":\"app\",\"ps\":\"authentication\",\"error_severity\":\"LOG\",\"message\":\"tenging tókst: notandi=app\"}\n",
        ];
        for log in logs {
            let parser = detect(log.as_bytes(), &Hints::default()).expect("a known format");
            let scanned = Scanner::new(parser.as_ref(), 1).scan(log.as_bytes(), &mut Tally::default());
            assert_eq!(scanned.unsupported_language, Some("an unknown language"), "{log}");
        }
    }
}
