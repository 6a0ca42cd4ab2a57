//! `profile`: where processes spend their time. The node samples and names, this side folds and draws.
//!
//! A file that cannot be written is found out before the node is asked; it is complete or not there.

use super::version::something_else;
use crate::answers::{Answer, Profiled};
use crate::cli::ProfileOptions;
use crate::context::Context;
use crate::failure::Failure;
use crate::table::table;
use crate::{output, shown};
use inferno::flamegraph::{self, Options};
use runtime::protocol::{Command, Event, Outcome, Profile, ProfileTarget};
use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use tempfile::NamedTempFile;

/// The search for names takes its time on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// Functions in the table.
const ROWS: usize = 20;

pub(super) fn profile(context: &Context, options: &ProfileOptions) -> Result<(), Failure> {
    let file = options.out.as_deref().map(Unfinished::new).transpose()?;
    let profile = ask(context, options)?;
    if profile.samples == 0 {
        return Err(nothing_met(&profile));
    }
    if let Some(file) = file {
        file.finish(&if options.folded { profile.folded().into_bytes() } else { flames(&profile)? })?;
    }
    match &options.out {
        _ if context.json() => output::json(Answer::Profile(Profiled::from(&profile))),
        Some(file) => output::line(&file.display().to_string()),
        None if options.folded => output::line(profile.folded().trim_end()),
        None => output::line(render(&profile).trim_end()),
    }
    if !context.json() {
        output::note(&summary(&profile));
    }
    Ok(())
}

fn nothing_met(profile: &Profile) -> Failure {
    let hint = "it shows who uses a processor; cargo system stack shows where a process waits";
    let why = match (profile.missed, profile.has_ended) {
        (0, false) => "used no processor".to_owned(),
        (0, true) => "has ended, and used no processor before".to_owned(),
        (missed, _) => format!("did not get to show its stack in time, {missed} times; the machine is busy"),
    };
    Failure::error(format!("no stack was met: {} {why}", profile.of)).hint(hint)
}

fn ask(context: &Context, options: &ProfileOptions) -> Result<Profile, Failure> {
    let target = match (&options.pid, &options.version) {
        (Some(pid), _) => ProfileTarget::Process(pid.clone()),
        (None, Some(version)) => ProfileTarget::Version(version.clone()),
        (None, None) => ProfileTarget::Node,
    };
    let time_ms = u64::try_from(options.time.as_millis()).unwrap_or(u64::MAX);
    let command = Command::Profile { target, time_ms, hz: options.hz };
    let (mut all_functions, mut all_stacks) = (Vec::new(), Vec::new());
    let gather = |event: Option<Event>| {
        if let Some(Event::Profiled { functions, stacks }) = event {
            all_functions.extend(functions);
            all_stacks.extend(stacks);
        }
    };
    match context.connect()?.follow(command, options.time + PATIENCE, gather)? {
        Outcome::Profile(profile) => Ok(Profile { functions: all_functions, stacks: all_stacks, ..profile }),
        _ => Err(something_else()),
    }
}

/// A file that is written whole.
struct Unfinished<'a> {
    file: NamedTempFile,
    path: &'a Path,
}

impl<'a> Unfinished<'a> {
    fn new(path: &'a Path) -> Result<Self, Failure> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if path.is_dir() {
            return Err(refused(path, "it is a folder"));
        }
        let file = tempfile::Builder::new().permissions(all_may_read()).tempfile_in(parent);
        Ok(Self { file: file.map_err(|error| refused(path, &error.to_string()))?, path })
    }

    fn finish(mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.write_all(bytes).map_err(|error| refused(self.path, &error.to_string()))?;
        self.file.persist(self.path).map(drop).map_err(|error| refused(self.path, &error.error.to_string()))
    }
}

/// As far as the user's mask lets them.
fn all_may_read() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o666)
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::error(format!("{} cannot be written: {why}", path.display())).hint("name another file with --out")
}

fn flames(profile: &Profile) -> Result<Vec<u8>, Failure> {
    let mut looks = Options::default();
    looks.title = format!("{}, {} samples at {} Hz", profile.of, profile.samples, profile.hz);
    looks.count_name = "samples".to_owned();
    looks.deterministic = true;
    let mut svg = Vec::new();
    let drawn = flamegraph::from_lines(&mut looks, profile.folded().lines(), &mut svg);
    drawn.map_err(|error| Failure::error(format!("the flame graph cannot be drawn: {error}")))?;
    Ok(svg)
}

/// The functions that were met most often: innermost, and anywhere on the stack.
fn render(profile: &Profile) -> String {
    let mut met: HashMap<u32, (u64, u64)> = HashMap::new();
    for stack in &profile.stacks {
        // Before them stand the version and the process's type.
        let frames = stack.frames.get(2..).unwrap_or_default();
        for frame in frames.iter().collect::<BTreeSet<_>>() {
            met.entry(*frame).or_default().1 += stack.samples;
        }
        if let Some(last) = frames.last() {
            met.entry(*last).or_default().0 += stack.samples;
        }
    }
    let mut met: Vec<_> = met.into_iter().collect();
    met.sort_by_key(|(function, (own, all))| (std::cmp::Reverse((*own, *all)), *function));
    let total = profile.stacks.iter().map(|stack| stack.samples).sum::<u64>().max(1);
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    let share = |samples: u64| format!("{:.1} %", 100.0 * samples as f64 / total as f64);
    let row = |(function, (own, all)): &(u32, (u64, u64))| {
        let name = profile.functions.get(*function as usize).map_or("?", String::as_str);
        [share(*own), share(*all), shown::cut(name, 120)]
    };
    let rows: Vec<_> = met.iter().take(ROWS).map(row).collect();
    table(["SELF", "TOTAL", "FUNCTION"], &rows)
}

fn summary(profile: &Profile) -> String {
    let mut text = format!("{} samples of {} in {} looks", profile.samples, profile.of, profile.looks);
    for (count, what) in [(profile.missed, "missed"), (profile.dropped, "in stacks that did not fit")] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    if profile.has_ended {
        text += "; it has ended";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::ProfileStack;

    fn profile() -> Profile {
        let stack = |frames: &[u32], samples| ProfileStack { frames: frames.to_vec(), samples };
        Profile {
            of: "<4.1>".to_owned(),
            hz: 99,
            looks: 40,
            samples: 40,
            functions: ["1.0.0", "app::work", "app::outer", "app::sum<[u8; 2]>", "app::rest"]
                .map(str::to_owned)
                .to_vec(),
            stacks: vec![stack(&[0, 1, 2, 3], 30), stack(&[0, 1, 2, 2, 4], 10)],
            ..Profile::default()
        }
    }

    #[test]
    fn the_functions_met_most_often_come_first() {
        let expected = "\
SELF    TOTAL    FUNCTION
75.0 %  75.0 %   app::sum<[u8; 2]>
25.0 %  25.0 %   app::rest
0.0 %   100.0 %  app::outer
";
        assert_eq!(render(&profile()), expected);
        assert_eq!(summary(&profile()), "40 samples of <4.1> in 40 looks");
        let ended = Profile { missed: 2, dropped: 1, has_ended: true, ..profile() };
        let expected = "40 samples of <4.1> in 40 looks, 2 missed, 1 in stacks that did not fit; it has ended";
        assert_eq!(summary(&ended), expected);
    }

    #[test]
    fn flames_are_a_picture_with_each_function() {
        let svg = String::from_utf8(flames(&profile()).expect("drawn")).expect("text");
        assert!(svg.starts_with("<?xml"), "{svg}");
        for name in ["app::sum&lt;[u8: 2]&gt; (30 samples, 75.00%)", "app::rest (10 samples, 25.00%)"] {
            assert!(svg.contains(name), "{name}: {svg}");
        }
    }

    #[test]
    fn json_has_names_in_its_stacks() {
        let answer = Answer::Profile(Profiled::from(&profile()));
        let json = serde_json::to_value(answer).expect("JSON");
        assert_eq!(json["stacks"][0]["frames"][3], "app::sum<[u8; 2]>");
        assert_eq!((&json["outcome"], &json["samples"]), (&"profile".into(), &40.into()));
    }
}
