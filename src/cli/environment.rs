//! The variables that mirror flags: `SCN_USERS` for `--users`. An empty variable counts as absent, as in a compose
//! file whose value was left out.

use std::collections::HashMap;

use super::exit::Failure;

/// What the verb was typed in: read once, so that the rest of the program asks a map and not the process.
pub struct Environment {
    /// All variables whose names and values are text; what `env(…)` reads in a scenario.
    pub variables: HashMap<String, String>,
}

impl Environment {
    /// The process's own.
    pub fn real() -> Environment {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Environment { variables: std::env::vars_os().filter_map(text).collect() }
    }

    /// The value for a flag: the flag's own, else what `read` makes of the variable.
    ///
    /// Errors: the variable is set and cannot be read; names it.
    pub fn flag_or<T>(
        &self,
        flag: Option<T>,
        variable: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        match (flag, self.variables.get(variable).map(|value| value.trim())) {
            (Some(value), _) => Ok(Some(value)),
            (None, None | Some("")) => Ok(None),
            (None, Some(text)) => read(text)
                .map(Some)
                .map_err(|why| Failure::usage(format!("invalid value '{text}' in the variable {variable}: {why}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::values;

    #[test]
    fn a_flag_beats_a_variable_and_an_unreadable_variable_is_named() {
        let environment = Environment { variables: HashMap::from([("SCN_USERS".into(), "many".into())]) };
        assert_eq!(environment.flag_or(Some(3), "SCN_USERS", values::users).unwrap(), Some(3));
        let failure = environment.flag_or(None, "SCN_USERS", values::users).unwrap_err();
        assert!(failure.message.contains("in the variable SCN_USERS"), "{}", failure.message);
        let empty = Environment { variables: HashMap::from([("SCN_USERS".into(), " ".into())]) };
        assert_eq!(empty.flag_or(None, "SCN_USERS", values::users).unwrap(), None);
    }
}
