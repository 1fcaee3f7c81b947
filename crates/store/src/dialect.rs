//! The few differences between SQLite and PostgreSQL, all of them.

/// Which database it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    /// A migration's text for this database. Written once with these names in braces:
    ///
    /// | name | SQLite | PostgreSQL |
    /// | --- | --- | --- |
    /// | `{blob}` | `BLOB` | `BYTEA` |
    /// | `{sequence}` | `INTEGER PRIMARY KEY AUTOINCREMENT` | `BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY` |
    /// | `{strict}` | `STRICT` | nothing |
    /// | `{int}` | `INTEGER` | `BIGINT` |
    pub fn render(self, sql: &str) -> String {
        let (blob, sequence, strict, int) = match self {
            Self::Sqlite => ("BLOB", "INTEGER PRIMARY KEY AUTOINCREMENT", "STRICT", "INTEGER"),
            Self::Postgres => (
                "BYTEA",
                "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                "",
                "BIGINT",
            ),
        };
        sql.replace("{blob}", blob)
            .replace("{sequence}", sequence)
            .replace("{strict}", strict)
            .replace("{int}", int)
    }

    /// Ends a `SELECT` that takes rows nobody else is working on: PostgreSQL locks them, SQLite has one writer.
    pub const fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE SKIP LOCKED",
        }
    }

    /// Ends a `SELECT` whose row must not change until the commit.
    pub const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Ends a `SELECT` whose row must not change until the commit, while others may read it in the same way.
    pub const fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// The database's own clock at the moment of the statement, in milliseconds: one clock for all nodes.
    pub const fn clock_millis(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Run at the begin of a transaction that appends to the log: whoever appends later gets later numbers and commits
    /// later, so that no row appears behind a reader's cursor. SQLite has one writer.
    pub const fn hold_log_order(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7106002)"),
        }
    }

    /// A condition with one value: the path has it as a part, in the same case.
    pub const fn path_contains(self) -> &'static str {
        match self {
            Self::Sqlite => "instr(path, ?) > 0",
            Self::Postgres => "strpos(path, ?) > 0",
        }
    }
}
