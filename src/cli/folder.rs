//! Where a run leaves what later verbs and other programs read: the run folder, and wherever `--summary-export` says.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::exit::Failure;

/// Where run folders lie unless `--out` says otherwise.
pub const DEFAULT: &str = "scn-results";

/// Room that is taken before the run, so that a full disk is found then and not after an hour; more is taken while it
/// goes, as its summary grows.
const RESERVED_BYTES: usize = 64 << 10;

/// All places that the summary of one run goes to.
#[derive(Debug)]
pub struct Results {
    folder: Option<Folder>,
    export: Option<Pending>,
}

impl Results {
    /// Takes room in all of them before the run. Errors: one of them cannot be written.
    pub fn reserve(folder: Option<Folder>, export: Option<&Path>) -> Result<Results, Failure> {
        let export = export.map(|place| {
            let failure = |error| Failure::cannot_run(format!("cannot write `{}`: {error}", place.display()));
            Pending::reserve(place).map_err(failure)
        });
        match export.transpose() {
            Ok(export) => Ok(Results { folder, export }),
            Err(failure) => {
                Results { folder, export: None }.abandon();
                Err(failure)
            }
        }
    }

    /// The run folder, unless none is wanted.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(Folder::path)
    }

    /// Where the state of the run goes while it goes, and the room that is held for its summary.
    pub fn interim(&self) -> Option<(PathBuf, Room)> {
        let summary = &self.folder.as_ref()?.summary;
        Some((summary.place.clone(), summary.room()?))
    }

    /// Puts the summary of the run with this id everywhere, as far as that is possible; where it is nowhere, among the
    /// machine's temporary files, so that nothing measured is lost. Errors: the places where it could not be put.
    pub fn finish(self, summary: &str, id: &str) -> Result<(), Failure> {
        let folder = self.folder.map(|folder| folder.finish(summary));
        let export = self.export.map(|export| export.finish(summary));
        let all: Vec<_> = folder.into_iter().chain(export).collect();
        let nowhere = !all.is_empty() && all.iter().all(Result::is_err);
        let ended = Failure::together(all);
        let Some(saved) = nowhere.then(|| save(summary, id)).flatten() else { return ended };
        ended.map_err(|failure| failure.help(format!("the summary is in `{}` instead", saved.display())))
    }

    /// Takes everything back: the run could not start.
    pub fn abandon(self) {
        self.folder.into_iter().for_each(Folder::abandon);
        self.export.into_iter().for_each(Pending::abandon);
    }
}

/// `UTC-scenario-ID` in the folder of results, with a summary that is still to come.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    summary: Pending,
}

impl Folder {
    /// Makes the folder and takes room for the summary. Errors: the disk is full, or nothing may be written there.
    pub fn create(results: &Path, started: jiff::Timestamp, scenario: &str, id: &str) -> Result<Folder, Failure> {
        let path = results.join(format!("{}-{}-{id}", started.strftime("%Y%m%dT%H%M%SZ"), slug(scenario)));
        let failure = |error: io::Error| {
            Failure::cannot_run(format!("cannot make the run folder `{}`: {error}", path.display()))
                .help("--out DIR puts it elsewhere, --no-results leaves it out")
        };
        fs::create_dir_all(&path).map_err(failure)?;
        let summary = Pending::reserve(&path.join("summary.json")).map_err(failure)?;
        Ok(Folder { path, summary })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the summary in its place, at once and whole.
    pub fn finish(self, summary: &str) -> Result<(), Failure> {
        self.summary.finish(summary)
    }

    /// Takes back what this run has made, when it could not start: nothing was measured. Whatever else lies there
    /// stays.
    pub fn abandon(self) {
        self.summary.abandon();
        let _ = fs::remove_dir(&self.path);
    }
}

/// A file that will be there whole or not at all: written beside its place and then moved into it.
#[derive(Debug)]
pub struct Pending {
    place: PathBuf,
    /// `None` where the place is a device or a pipe, which cannot be moved into.
    part: Option<PathBuf>,
}

impl Pending {
    /// Takes room beside `place`. Errors: the system's.
    pub fn reserve(place: &Path) -> io::Result<Pending> {
        if fs::metadata(place).is_ok_and(|known| !known.is_file()) {
            OpenOptions::new().write(true).open(place)?;
            return Ok(Pending { place: place.to_owned(), part: None });
        }
        let mut name = place.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(".part");
        let part = place.with_file_name(name);
        let mut file = File::create(&part)?;
        file.write_all(&vec![b' '; RESERVED_BYTES])?;
        Ok(Pending { place: place.to_owned(), part: Some(part) })
    }

    /// The room that is held; `None` where there is none beside the place.
    pub fn room(&self) -> Option<Room> {
        Some(Room { part: self.part.clone()?, bytes: RESERVED_BYTES as u64 })
    }

    /// Writes the whole text and moves it into its place.
    pub fn finish(self, text: &str) -> Result<(), Failure> {
        let write = || -> io::Result<()> {
            let Some(part) = &self.part else {
                return OpenOptions::new().write(true).open(&self.place)?.write_all(text.as_bytes());
            };
            // Over the room that was taken, and only then cut to length: it must not be given back in between.
            let mut file = OpenOptions::new().write(true).open(part)?;
            file.write_all(text.as_bytes())?;
            file.set_len(text.len() as u64)?;
            file.sync_all()?;
            fs::rename(part, &self.place)
        };
        write().map_err(|error| Failure::cannot_run(format!("cannot write `{}`: {error}", self.place.display())))
    }

    /// Gives the room back.
    pub fn abandon(self) {
        if let Some(part) = self.part {
            let _ = fs::remove_file(part);
        }
    }
}

/// Room on the disk, which is held by a file of blanks.
#[derive(Debug)]
pub struct Room {
    part: PathBuf,
    bytes: u64,
}

impl Room {
    /// Takes more, if it is less than this. Errors: there is no more.
    pub fn hold(&mut self, bytes: u64) -> io::Result<()> {
        let more = bytes.saturating_sub(self.bytes) as usize;
        if more > 0 {
            OpenOptions::new().append(true).open(&self.part)?.write_all(&vec![b' '; more])?;
            self.bytes = bytes;
        }
        Ok(())
    }
}

/// Puts a summary that has no other place among the machine's temporary files; where, if it can be there.
fn save(summary: &str, id: &str) -> Option<PathBuf> {
    let place = env::temp_dir().join(format!("scn-{id}-summary.json"));
    // Nobody's file is written over, and no link of somebody else's followed.
    let mut file = OpenOptions::new().write(true).create_new(true).open(&place).ok()?;
    match file.write_all(summary.as_bytes()) {
        Ok(()) => Some(place),
        Err(_) => {
            let _ = fs::remove_file(&place);
            None
        }
    }
}

/// A title as part of a file's name: small letters, digits and single dashes.
fn slug(title: &str) -> String {
    const LENGTH_MAX: usize = 40;
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() >= LENGTH_MAX {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "scenario".into() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_summary_that_has_no_place_is_saved_and_the_place_is_told() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let export = folder.path().join("summary.json");
        let results = Results::reserve(None, Some(&export)).expect("it can be written");
        // The disk is full meanwhile.
        let part = folder.path().join("summary.json.part");
        fs::remove_file(&part).expect("room is held there");
        symlink("/dev/full", &part).expect("links can be made");
        let id = format!("test-{}", std::process::id());
        let failure = results.finish("measured", &id).expect_err("there is no room");
        let saved = env::temp_dir().join(format!("scn-{id}-summary.json"));
        assert!(failure.message.contains("No space left on device"), "{failure}");
        assert!(failure.message.contains(&export.display().to_string()), "{failure}");
        let help = failure.help.expect("it says where the summary is");
        assert_eq!(help, format!("the summary is in `{}` instead", saved.display()));
        assert_eq!(fs::read_to_string(&saved).expect("it is there"), "measured");
        assert!(save("of another", &id).is_none(), "what is there is not written over");
        fs::remove_file(saved).expect("it is there");
    }

    #[test]
    fn a_title_becomes_part_of_a_file_name() {
        assert_eq!(slug("Oscilloscope"), "oscilloscope");
        assert_eq!(slug("Shop: browse & buy!"), "shop-browse-buy");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("Ö"), "scenario");
        assert_eq!(slug(&"x".repeat(100)).len(), 40);
    }
}
