//! Rotations as they are exchanged with the database.

use model::{
    Actor, AuditId, CompanyId, KeyId, KeyRotation, KeySummary, RotationFacts, RotationPlan, Timestamp,
};

use crate::{Inserted, NewKey};

/// A rotation that is to begin. The new key takes the environment's other slot.
#[derive(Clone, Debug)]
pub struct Beginning {
    pub old: KeyId,
    pub new: NewKey,
    pub plan: RotationPlan,
    pub actor: Actor,
    /// Of the rows for the new key and for the rotation.
    pub audit: [AuditId; 2],
}

/// A rotation that has begun.
#[derive(Clone, Debug)]
pub struct Begun {
    pub inserted: Inserted,
    /// The new key with what it inherited.
    pub key: KeySummary,
    pub rotation: KeyRotation,
}

/// A rotation, and what it is judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRotation {
    pub rotation: KeyRotation,
    pub facts: RotationFacts,
}

/// What becomes of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationChange {
    Plan(RotationPlan),
    Cancel,
    /// With another plan, or the one it had.
    Resume(Option<RotationPlan>),
}

impl RotationChange {
    /// For the audit trail.
    pub fn words(&self) -> String {
        match self {
            Self::Plan(plan) => words_of(*plan),
            Self::Cancel => "cancelled".to_owned(),
            Self::Resume(None) => "resumed".to_owned(),
            Self::Resume(Some(plan)) => format!("resumed; {}", words_of(*plan)),
        }
    }
}

/// When the old key is to be deleted, for the audit trail.
pub fn words_of(plan: RotationPlan) -> String {
    match plan {
        RotationPlan::Undecided => "old key to be deleted when decided".to_owned(),
        RotationPlan::At(at) => format!("old key to be deleted {}", at.to_rfc3339()),
        RotationPlan::Quiet(millis) => {
            format!("old key to be deleted after {} s without a call", millis / 1000)
        }
    }
}

/// A change of a rotation that was checked.
#[derive(Clone, Debug)]
pub struct ChangingRotation {
    pub company: CompanyId,
    pub new_key: KeyId,
    pub change: RotationChange,
    pub at: Timestamp,
    pub actor: Actor,
    pub audit: AuditId,
}

/// A rotation whose time may have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueRotation {
    pub company: CompanyId,
    pub new_key: KeyId,
}

/// The deletion of a rotation's old key.
#[derive(Clone, Debug)]
pub struct Rotating {
    pub due: DueRotation,
    pub at: Timestamp,
    /// Who wants it deleted now. `None` if the plan does.
    pub by: Option<Actor>,
    pub audit: AuditId,
}
