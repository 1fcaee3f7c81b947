//! Every difference between SQLite and PostgreSQL. There are only a few.

/// Which of the two databases this is.
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
    /// | `{postgres}` at the start of a line | no line | the rest of the line |
    ///
    /// A statement for both has to follow the last such line: SQLite's driver cannot end with a comment alone.
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
        let lines = sql
            .split_inclusive('\n')
            .filter_map(|line| match line.strip_prefix("{postgres}") {
                Some(rest) => (self == Self::Postgres).then_some(rest),
                None => Some(line),
            });
        let sql: String = lines.collect();
        sql.replace("{blob}", blob)
            .replace("{sequence}", sequence)
            .replace("{strict}", strict)
            .replace("{int}", int)
    }

    /// Ends a `SELECT` whose row must not change before the commit.
    pub const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR UPDATE",
        }
    }

    /// Ends a `SELECT` whose row must not change before the commit. Other transactions may hold the same row in the
    /// same way.
    pub const fn for_share(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => " FOR SHARE",
        }
    }

    /// Text that only PostgreSQL needs, such as a lock on one of two joined tables: SQLite has one writer.
    pub const fn on_postgres(self, sql: &'static str) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => sql,
        }
    }

    /// The rows of the JSON list `$1`: `id`, `at` (milliseconds) and `address`.
    pub(crate) const fn touched(self) -> &'static str {
        match self {
            Self::Sqlite => {
                "(SELECT value ->> 'id' AS id, value ->> 'at' AS at, value ->> 'address' AS address \
                 FROM json_each($1)) AS touched"
            }
            Self::Postgres => {
                "json_to_recordset(CAST($1 AS JSON)) AS touched (id TEXT, at BIGINT, address TEXT)"
            }
        }
    }

    /// The time of the statement by the database's own clock, in milliseconds. All nodes share this clock.
    pub const fn clock_millis(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Runs at the start of a transaction that appends to the log. It makes transactions commit in the order of their
    /// sequence numbers; otherwise a row could appear behind a reader's cursor and never be read. SQLite needs nothing
    /// because it has one writer.
    pub const fn hold_log_order(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some("SELECT pg_advisory_xact_lock(7106002)"),
        }
    }

    /// Takes the turn to move rows of a version before, if no other node has it. It lasts as long as the connection. SQLite
    /// needs nothing because it has one process.
    pub const fn try_to_hold_log_move(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT CAST(CASE WHEN pg_try_advisory_lock(7106009) THEN 1 ELSE 0 END AS BIGINT) AS held",
            ),
        }
    }

    /// Returns a row if the table `log_entries` exists.
    pub(crate) const fn find_old_rows(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'log_entries'",
            Self::Postgres => {
                "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() \
                 AND table_name = 'log_entries'"
            }
        }
    }

    /// Returns a row if the table `migrations` has the column `checksum`.
    pub(crate) const fn find_checksum_column(self) -> &'static str {
        match self {
            Self::Sqlite => "SELECT 1 FROM pragma_table_info('migrations') WHERE name = 'checksum'",
            Self::Postgres => {
                "SELECT 1 FROM information_schema.columns WHERE table_schema = current_schema() \
                 AND table_name = 'migrations' AND column_name = 'checksum'"
            }
        }
    }
}
