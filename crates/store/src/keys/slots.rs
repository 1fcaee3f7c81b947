//! The two slots that each environment of a company has for active keys.

use keys::{KeysError, NewKey};

use crate::{DbConnection, StoreError};

/// Returns whether one of the two slots was free. The index `api_keys_slot` decides. If two transactions want the same
/// slot, the later one waits for the earlier one and then finds the slot taken.
pub(super) async fn insert(connection: &mut DbConnection, key: &NewKey) -> Result<bool, KeysError> {
    for slot in [1_i64, 2] {
        let inserted = sqlx::query(
            "INSERT INTO api_keys (id, company_id, environment, slot, lookup_hash, sealed, last_four, created_at, created_by, \
             name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (company_id, environment, slot) WHERE deleted_at IS NULL DO NOTHING",
        )
        .bind(key.id.to_string())
        .bind(key.company.to_string())
        .bind(key.environment.as_str())
        .bind(slot)
        .bind(key.lookup.as_bytes().to_vec())
        .bind(key.sealed.as_bytes().to_vec())
        .bind(key.last_four.clone())
        .bind(key.created_at.as_millis())
        .bind(key.created_by.clone())
        .bind(key.name.clone())
        .execute(&mut *connection)
        .await;
        match inserted {
            Ok(done) if done.rows_affected() == 1 => return Ok(true),
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                return Err(KeysError::NotFound);
            }
            Err(error) => return Err(StoreError::from(error).into()),
        }
    }
    Ok(false)
}
