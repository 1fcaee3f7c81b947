//! When the old key is to be deleted, as the forms offer it.

/// A choice of the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanChoice {
    Later,
    InAnHour,
    InADay,
    InAWeek,
    /// After twice its longest pause without a call.
    Quiet,
}

impl PlanChoice {
    pub const ALL: [Self; 5] = [
        Self::Later,
        Self::InAnHour,
        Self::InADay,
        Self::InAWeek,
        Self::Quiet,
    ];

    /// The value of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::InAnHour => "1h",
            Self::InADay => "24h",
            Self::InAWeek => "7d",
            Self::Quiet => "quiet",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.name() == name)
    }
}
