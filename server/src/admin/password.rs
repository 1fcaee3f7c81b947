//! The password of `create-member` and `set-password`: the first line of standard input, where that is no terminal.

use std::io::{IsTerminal, Read};
use std::sync::mpsc;
use std::time::Duration;

use model::SecretText;
use vault::Zeroizing;

use crate::error::StartError;

/// More than the longest password takes.
const LONGEST: usize = 8 * 1024;
/// A pipe that says nothing for so long is probably one that nobody writes to.
const SILENCE: Duration = Duration::from_secs(1);

/// Nothing from a terminal, where typing would show it, and from an input without a line: a password is made up then. A
/// pipe is read to its first line and not to its end, which a script's or a service's never reaches.
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

/// Byte by byte past the buffer of standard input, which nobody could wipe.
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
    fn a_pipe_is_read_to_its_first_line_and_not_to_its_end() {
        let (read, mut write) = std::io::pipe().expect("a pipe");
        let mut read = read;
        write.write_all(b"correct horse\nsomething else").expect("writes");
        let line = first_line(&mut read).expect("reads while the other end is open");
        assert_eq!(&*line, b"correct horse");
    }
}
