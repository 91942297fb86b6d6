//! Sources of engine logs: files, archives, RDS and CloudWatch Logs. Nothing here knows an engine.

pub mod archive;
pub mod blocks;
pub mod cloudwatch;
pub mod decompress;
pub mod directory;
pub mod download;
pub mod folder;
pub mod insights;
pub mod rds_complete;
pub mod rds_portion;
