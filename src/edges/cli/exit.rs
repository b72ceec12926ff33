//! How a command ends badly: one error type, and the exit code that scripts rely on.
//!
//! Invariant: the codes are 0 ok, 1 failure, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 job ended badly, 7 time-out, and
//! nothing else. Where a server's answer becomes a code is [`CliError::from_status`] alone.

use std::fmt;

/// Why a command ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Anything without a code of its own.
    Failure = 1,
    /// The command was not understood, or the server refused its values.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// The caller may not.
    NotAllowed = 4,
    /// The state of things does not allow it, or somebody was faster.
    Conflict = 5,
    /// The job failed or was cancelled.
    JobEndedBadly = 6,
    /// It took longer than allowed.
    TimeOut = 7,
}

/// An error for a person, with its code for a script.
#[derive(Debug)]
pub struct CliError {
    /// The process's exit code.
    pub exit: Exit,
    /// One sentence, without a final full stop.
    pub message: String,
    /// What to try next, where there is something.
    pub hint: Option<String>,
    /// Set when standard output was closed by its reader: not an error to talk about.
    pub silent: bool,
}

impl CliError {
    /// An error with its code.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
            silent: false,
        }
    }

    /// A plain failure.
    pub fn failure(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    /// A command that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same error with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What an HTTP status means here.
    #[must_use]
    pub fn from_status(status: u16, message: String) -> Self {
        let exit = match status {
            400 | 405 | 406 | 413 | 415 | 422 => Exit::Usage,
            404 | 410 => Exit::NotFound,
            401 | 403 => Exit::NotAllowed,
            409 | 412 | 428 => Exit::Conflict,
            408 | 504 => Exit::TimeOut,
            _ => Exit::Failure,
        };
        Self::new(exit, message)
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

impl From<std::io::Error> for CliError {
    /// A closed pipe ends the command in silence with code 0: `dim datasets list | head` is no failure.
    fn from(error: std::io::Error) -> Self {
        Self {
            silent: error.kind() == std::io::ErrorKind::BrokenPipe,
            ..Self::failure(format!("cannot write: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_codes_that_scripts_rely_on() {
        for (status, code) in [
            (422, 2),
            (404, 3),
            (403, 4),
            (409, 5),
            (412, 5),
            (504, 7),
            (500, 1),
            (503, 1),
            (501, 1),
        ] {
            assert_eq!(
                CliError::from_status(status, String::new()).exit as u8,
                code,
                "{status}"
            );
        }
    }
}
