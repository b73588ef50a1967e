//! Starting other programs: cargo, and what cargo built.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The cargo that runs us, so that a toolchain named on the command line is kept.
pub fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Whether `program --version` works; a cargo subcommand is asked as `cargo NAME --version`.
pub fn installed(root: &Path, subcommand: &str) -> bool {
    let quiet = cargo(root).args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}

/// Runs to the end with our own terminal, and says whether it succeeded.
pub fn succeeds(command: &mut Command) -> Result<bool, String> {
    eprintln!("$ {}", shown(command));
    let status = command.status().map_err(|e| format!("failed to start `{}`: {e}", shown(command)))?;
    Ok(status.success())
}

/// Runs to the end and returns what was written to standard output, if the command succeeded.
pub fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    eprintln!("$ {}", shown(command));
    let out =
        command.stderr(Stdio::inherit()).output().map_err(|e| format!("failed to start `{}`: {e}", shown(command)))?;
    if out.status.success() { Ok(out.stdout) } else { Err(format!("`{}` ended with {}", shown(command), out.status)) }
}

/// How a program ended that had a time limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// With this exit code.
    Code(i32),
    /// By a signal.
    Signal,
    /// By us, after the limit.
    TimedOut,
}

/// Runs with both outputs in `log`, and ends it after `limit`.
pub fn logged(command: &mut Command, log: &Path, limit: Duration) -> Result<Ended, String> {
    let file = File::create(log).map_err(|e| format!("failed to write {}: {e}", log.display()))?;
    let twin = file.try_clone().map_err(|e| format!("failed to share {}: {e}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file).stderr(twin);
    let mut child = command.spawn().map_err(|e| format!("failed to start `{}`: {e}", shown(command)))?;
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status.code().map_or(Ended::Signal, Ended::Code)),
            Ok(None) if start.elapsed() > limit => {
                // Failing to end it means that it has just ended by itself; either way the verdict is the limit.
                let _ = child.kill();
                let _ = child.wait();
                return Ok(Ended::TimedOut);
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(20)),
            Err(e) => return Err(format!("failed to wait for `{}`: {e}", shown(command))),
        }
    }
}

/// The command as one would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_else(|| OsStr::new("?"));
    std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended_at_its_limit() {
        let log = std::env::temp_dir().join(format!("xtask-hang-{}.log", std::process::id()));
        let ended = logged(Command::new("sleep").arg("600"), &log, Duration::from_millis(60));
        assert_eq!(ended, Ok(Ended::TimedOut));
        let ended = logged(Command::new("sh").args(["-c", "echo seen; exit 3"]), &log, Duration::from_secs(20));
        assert_eq!(ended, Ok(Ended::Code(3)));
        assert_eq!(std::fs::read_to_string(&log).as_deref().ok(), Some("seen\n"));
        std::fs::remove_file(&log).ok();
    }
}
