//! The options of `--sandbox`: what the program may have.

use super::usage::UsageError;
use psycore_sandbox::MIB;
use std::time::Duration;

/// What the program may have.
#[derive(Debug, Default, PartialEq)]
pub struct SandboxOptions {
    /// Bytes.
    pub memory: Option<u64>,
    pub timeout: Option<Duration>,
    pub fuel: Option<u64>,
    /// Directory of the host, name in the sandbox, and whether it is writable.
    pub directories: Vec<(String, String, bool)>,
    pub environment: Vec<(String, String)>,
}

impl SandboxOptions {
    /// Reads an option if it is one of these. `value` is what follows `=`, or gives the next argument.
    pub fn read(&mut self, name: &str, value: impl FnOnce() -> Option<String>) -> Result<bool, UsageError> {
        let needed = |what: &str| match name {
            "--memory" | "--timeout" | "--fuel" | "--dir" | "--env" => {
                Ok(Some(value().ok_or_else(|| format!("{name} needs a value: {name} {what}"))?))
            }
            _ => Ok::<_, UsageError>(None),
        };
        let example = match name {
            "--memory" => "256M",
            "--timeout" => "5s",
            "--fuel" => "N",
            "--dir" => "HOST::GUEST[:ro]",
            _ => "NAME=VALUE",
        };
        let Some(value) = needed(example)? else { return Ok(false) };
        let bad = || format!("{name} must be like {example}, not '{value}'");
        match name {
            "--memory" => self.memory = Some(bytes(&value).ok_or_else(bad)?),
            "--timeout" => self.timeout = Some(duration(&value).ok_or_else(bad)?),
            "--fuel" => self.fuel = Some(value.parse().map_err(|_| bad())?),
            "--dir" => self.directories.push(directory(&value).ok_or_else(bad)?),
            _ => {
                let (name, value) = value.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(bad)?;
                self.environment.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(true)
    }
}

/// A number with `K`, `M` or `G` behind it, or of bytes.
fn bytes(text: &str) -> Option<u64> {
    let unit = match text.chars().last()?.to_ascii_uppercase() {
        'K' => 1 << 10,
        'M' => MIB,
        'G' => 1 << 30,
        _ => return text.parse().ok(),
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}

/// A number with `s` or `ms` behind it, or of seconds.
fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * unit;
    Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero())
}

/// `HOST::GUEST`, `HOST::GUEST:ro`, or one path for both.
fn directory(text: &str) -> Option<(String, String, bool)> {
    let (paths, writable) = match text.strip_suffix(":ro") {
        Some(paths) => (paths, false),
        None => (text, true),
    };
    let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
    (!host.is_empty() && !guest.is_empty()).then(|| (host.to_owned(), guest.to_owned(), writable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_times_and_directories() {
        assert_eq!(
            [bytes("256M"), bytes("1g"), bytes("7"), bytes("x"), bytes("")],
            [Some(256 << 20), Some(1 << 30), Some(7), None, None]
        );
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("20ms"), Some(Duration::from_millis(20)));
        assert_eq!([duration("0"), duration("-1s"), duration("s")], [None; 3]);
        assert_eq!(directory("a::/b:ro"), Some(("a".into(), "/b".into(), false)));
        assert_eq!(directory("/a"), Some(("/a".into(), "/a".into(), true)));
        assert_eq!(directory("::x"), None);
    }

    #[test]
    fn options_with_values() {
        let mut options = SandboxOptions::default();
        assert_eq!(options.read("--memory", || Some("1M".into())), Ok(true));
        assert_eq!(options.read("--other", || Some("1M".into())), Ok(false));
        assert_eq!(options.read("--fuel", || Some("x".into())).unwrap_err(), "--fuel must be like N, not 'x'");
        assert_eq!(options.read("--env", || Some("=x".into())).unwrap_err(), "--env must be like NAME=VALUE, not '=x'");
        assert_eq!(options.read("--timeout", || None).unwrap_err(), "--timeout needs a value: --timeout 5s");
        assert_eq!(options.memory, Some(1 << 20));
    }
}
