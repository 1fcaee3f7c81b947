//! Where the blobs of closed segments are: in files, or in tables of PostgreSQL.

use bytes::Bytes;
use segments::{Container, ReadError, Wanted};

use super::files::Files;
use super::tables::Tables;

#[derive(Clone, Debug)]
pub(super) enum Blobs {
    Files(Files),
    Tables(Tables),
}

impl Container for Blobs {
    fn read(&self, wanted: &[Wanted]) -> Result<Vec<Bytes>, ReadError> {
        match self {
            Self::Files(files) => files.read(wanted),
            Self::Tables(tables) => tables.read(wanted),
        }
    }
}
