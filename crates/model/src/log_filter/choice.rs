//! Several values of one field, to include or to exclude.

/// Which values of one field match. A row matches if its value is among `any_of`, or `any_of` is empty, and it is not
/// among `none_of`. A row without a value matches only if `any_of` is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice<T> {
    pub any_of: Vec<T>,
    pub none_of: Vec<T>,
}

// Not derived: a derive would ask for `T: Default`.
impl<T> Default for Choice<T> {
    fn default() -> Self {
        Self {
            any_of: Vec::new(),
            none_of: Vec::new(),
        }
    }
}

impl<T> Choice<T> {
    /// Only this value, or every value.
    pub fn only(value: Option<T>) -> Self {
        Self {
            any_of: value.into_iter().collect(),
            none_of: Vec::new(),
        }
    }

    /// Whether every value matches.
    pub const fn is_everything(&self) -> bool {
        self.any_of.is_empty() && self.none_of.is_empty()
    }

    /// The value, if this is exactly one to include and nothing else.
    pub fn one(&self) -> Option<&T> {
        match (&self.any_of[..], &self.none_of[..]) {
            ([one], []) => Some(one),
            _ => None,
        }
    }

    /// The values to include, or those to exclude.
    pub const fn values(&self, exclude: bool) -> &Vec<T> {
        if exclude { &self.none_of } else { &self.any_of }
    }
}

impl<T: PartialEq> Choice<T> {
    /// Includes or excludes the value, and not the other way as well.
    pub fn set(&mut self, exclude: bool, value: T) {
        self.forget(&value);
        let values = if exclude {
            &mut self.none_of
        } else {
            &mut self.any_of
        };
        values.push(value);
    }

    /// Neither includes nor excludes the value.
    pub fn forget(&mut self, value: &T) {
        self.any_of.retain(|one| one != value);
        self.none_of.retain(|one| one != value);
    }
}
