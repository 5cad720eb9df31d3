//! The registry: each rule one row. A rule's name never changes its meaning.

use super::Severity;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal $severity:ident;)*) => {
        /// A promise that a scenario or profile keeps or breaks.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $($(#[doc = $doc])+ $variant,)* }

        impl Rule {
            /// Every rule, in the order of the registry.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant),*];

            /// Its kebab-case name: `undefined-name`.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name,)* }
            }

            /// How bad it is to break it.
            pub fn severity(self) -> Severity {
                match self { $(Rule::$variant => Severity::$severity,)* }
            }

            /// What it says, in a sentence or two.
            pub fn summary(self) -> &'static str {
                match self { $(Rule::$variant => concat!($($doc, "\n"),+).trim_ascii(),)* }
            }
        }
    };
}

rules! {
    // ── files: what there is to read ──
    /// A scenario or profile is not UTF-8 text.
    NotUtf8 "not-utf8" Error;
    /// A scenario or profile is larger than any that is written by hand.
    FileTooLarge "file-too-large" Error;
    // ── syntax: what was written ──
    /// The text does not follow the grammar; the message says what was expected there.
    Syntax "syntax" Error;
    /// A block is opened and never closed.
    UnclosedBlock "unclosed-block" Error;
    /// This is part of the language, but this version of scn cannot do it yet.
    NotYetSupported "not-yet-supported" Error;

    // ── plan: scenario and profile together ──
    /// The profile is not a YAML document.
    ProfileSyntax "profile-syntax" Error;
    /// A profile has a key that no profile has.
    UnknownKey "unknown-key" Error;
    /// A profile lacks a key that it needs.
    MissingKey "missing-key" Error;
    /// A profile says the same thing twice.
    DuplicateKey "duplicate-key" Error;
    /// A key of a profile holds something that it cannot hold.
    ProfileValue "profile-value" Error;
    /// The mix of a profile names a class of users that the scenario does not have; that part does not apply.
    MixWithoutUser "mix-without-user" Note;
    /// `--mix` names a class of users that the scenario does not have.
    MixUndefinedUser "mix-undefined-user" Error;
    /// A mix applies and names other classes of users, but not this one: it gets no users.
    MixLeavesOut "mix-leaves-out" Warning;
    /// A threshold wants more requests a second than the profile's users can make, even if answers took no time.
    UnreachableRate "unreachable-rate" Warning;
}
