//! The password for `create-member` and `set-password`: the first line of standard input, unless that is a terminal.

use std::io::{IsTerminal, Read};
use std::sync::mpsc;
use std::time::Duration;

use model::SecretText;
use vault::Zeroizing;

use crate::error::StartError;

/// Longer than the longest password.
const LONGEST: usize = 8 * 1024;
/// A pipe that is silent for this long probably has no writer.
const SILENCE: Duration = Duration::from_secs(1);

/// Returns `None` for a terminal, where typing would show the password, and for an input without a line. A password is
/// generated then. A pipe is read only to its first line, because a script or a service may never close its end.
pub(super) fn from_input() -> Result<Option<SecretText>, StartError> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let (send, line) = mpsc::channel();
    std::thread::spawn(move || send.send(first_line(&mut std::io::stdin())));
    let line = match line.recv_timeout(SILENCE) {
        Ok(line) => line,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            eprintln!(
                "gatehouse: waiting for the password (one line on standard input). To generate one instead, use \
                 --generate-password."
            );
            line.recv().unwrap_or_else(|_| Ok(Zeroizing::default()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Ok(Zeroizing::default()),
    };
    let line = line.map_err(StartError::failed("reading the password from standard input"))?;
    let text = std::str::from_utf8(&line)
        .map_err(|_| StartError::Refused("The password on standard input is not UTF-8.".to_owned()))?;
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok((!text.is_empty()).then(|| SecretText::new(text)))
}

/// Reads byte by byte and bypasses the buffer of standard input, because no one could wipe it.
fn first_line(input: &mut impl std::os::fd::AsFd) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut input = std::fs::File::from(input.as_fd().try_clone_to_owned()?);
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0]);
    while line.len() < LONGEST && input.read(&mut byte[..])? == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_pipe_is_read_only_to_its_first_line() {
        let (read, mut write) = std::io::pipe().expect("a pipe");
        let mut read = read;
        write.write_all(b"correct horse\nsomething else").expect("writes");
        let line = first_line(&mut read).expect("reads while the other end is open");
        assert_eq!(&*line, b"correct horse");
    }
}
