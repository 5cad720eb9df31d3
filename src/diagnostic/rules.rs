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
}
