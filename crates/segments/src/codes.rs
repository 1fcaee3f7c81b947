//! The numbers that stand for a verdict, an environment and the like in the format. They never change; a new variant
//! takes a new number.

use model::{BodyAbsence, Environment, Recorded, Verdict};

pub const fn environment(environment: Option<Environment>) -> u8 {
    match environment {
        None => 0,
        Some(Environment::Sandbox) => 1,
        Some(Environment::Dev) => 2,
        Some(Environment::Prod) => 3,
    }
}

pub const fn to_environment(code: u8) -> Option<Option<Environment>> {
    Some(match code {
        0 => None,
        1 => Some(Environment::Sandbox),
        2 => Some(Environment::Dev),
        3 => Some(Environment::Prod),
        _ => return None,
    })
}

pub const fn recorded(recorded: Recorded) -> u8 {
    match recorded {
        Recorded::Gateway => 0,
        Recorded::Verify => 1,
        Recorded::PublicApi => 2,
        Recorded::Sent => 3,
    }
}

pub const fn to_recorded(code: u8) -> Option<Recorded> {
    Some(match code {
        0 => Recorded::Gateway,
        1 => Recorded::Verify,
        2 => Recorded::PublicApi,
        3 => Recorded::Sent,
        _ => return None,
    })
}

pub const fn verdict(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Accepted => 0,
        Verdict::MissingCredentials => 1,
        Verdict::MalformedCredentials => 2,
        Verdict::UnknownClient => 3,
        Verdict::UnknownSecret => 4,
        Verdict::DeletedKey => 5,
        Verdict::ExpiredKey => 6,
        Verdict::WrongEnvironment => 7,
        Verdict::AddressNotAllowed => 8,
        Verdict::UnknownBrand => 9,
        Verdict::RateLimited => 10,
        Verdict::NotReady => 11,
        Verdict::Overloaded => 12,
        Verdict::UpstreamUnreachable => 13,
        Verdict::UpstreamTimeout => 14,
        Verdict::ReadOnlyKey => 15,
    }
}

pub fn to_verdict(code: u8) -> Option<Verdict> {
    Verdict::ALL.iter().copied().find(|one| verdict(*one) == code)
}

pub const fn absence(why: BodyAbsence) -> u8 {
    match why {
        BodyAbsence::Empty => 0,
        BodyAbsence::KeyNotRecognised => 1,
        BodyAbsence::UnknownType => 2,
        BodyAbsence::Encoded => 3,
        BodyAbsence::NotText => 4,
        BodyAbsence::Malformed => 5,
        BodyAbsence::HeldSecret => 6,
        BodyAbsence::NeverArrived => 7,
        BodyAbsence::NotSeen => 8,
        BodyAbsence::Generated => 9,
        BodyAbsence::NoLongerKept => 10,
        BodyAbsence::Damaged => 11,
        BodyAbsence::Switched => 12,
        BodyAbsence::NotSent => 13,
    }
}

pub const fn to_absence(code: u8) -> Option<BodyAbsence> {
    Some(match code {
        0 => BodyAbsence::Empty,
        1 => BodyAbsence::KeyNotRecognised,
        2 => BodyAbsence::UnknownType,
        3 => BodyAbsence::Encoded,
        4 => BodyAbsence::NotText,
        5 => BodyAbsence::Malformed,
        6 => BodyAbsence::HeldSecret,
        7 => BodyAbsence::NeverArrived,
        8 => BodyAbsence::NotSeen,
        9 => BodyAbsence::Generated,
        10 => BodyAbsence::NoLongerKept,
        11 => BodyAbsence::Damaged,
        12 => BodyAbsence::Switched,
        13 => BodyAbsence::NotSent,
        _ => return None,
    })
}
