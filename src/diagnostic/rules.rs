//! The registry: each rule one row. A rule's name never changes its meaning.

use super::{Page, Severity};

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

            /// Its page: what it is, why it matters, and where text can show it an example that breaks it and one
            /// that keeps it. A rule without a page does not compile.
            pub fn page(self) -> Page {
                match self { $(Rule::$variant => Page(include_str!(concat!("pages/", $name, ".md"))),)* }
            }
        }
    };
}

rules! {
    // ── files: what there is to read ──
    /// A scenario or profile is not UTF-8 text.
    NotUtf8 "not-utf8" Error;
    /// A scenario or profile is larger than any that is written by hand, or a file that it names larger than is kept.
    FileTooLarge "file-too-large" Error;
    // ── syntax: what was written ──
    /// The text does not follow the grammar; the message says what was expected there.
    Syntax "syntax" Error;
    /// A block is opened and never closed.
    UnclosedBlock "unclosed-block" Error;
    /// This is part of the language, but this version of scn cannot do it yet.
    /// A line begins with a word that begins nothing here.
    UnknownWord "unknown-word" Error;
    /// A statement stands where none of its kind can.
    Misplaced "misplaced" Error;
    /// A part of a step stands in a block where it has no meaning.
    MisplacedPart "misplaced-part" Error;
    /// A number bears a unit that there is not.
    UnknownUnit "unknown-unit" Error;
    /// A blank stands between a number and its unit.
    BlankBeforeUnit "blank-before-unit" Error;
    /// Brackets or operators nest deeper than anyone can read.
    TooDeep "too-deep" Error;
    /// A string stands in single quotes.
    SingleQuotes "single-quotes" Error;
    /// A method is not written in upper case.
    MethodCase "method-case" Error;
    /// A path has a fragment, which is never sent.
    FragmentInPath "fragment-in-path" Error;
    /// A member with a dash in its name stands in a JSONPath without brackets.
    JsonpathDash "jsonpath-dash" Error;
    /// Two comparisons in a row, as in `a < b < c`.
    ChainedComparison "chained-comparison" Error;
    /// Text is put together with `+`.
    TextPlus "text-plus" Error;
    /// A string holds `{{ x }}` or `#{x}`, which mean nothing here.
    OtherInterpolation "other-interpolation" Warning;
    /// A rate is written where a value bears the name of its unit: `300/m`.
    RateOrDivision "rate-or-division" Warning;
    /// A named target without the colon behind its name.
    NamedTargetColon "named-target-colon" Error;

    // ── check: what was meant ──
    /// A value, function, label, step, task or user is used that nothing declares.
    UndefinedName "undefined-name" Error;
    /// Two things of the same name are in force at the same place.
    DuplicateName "duplicate-name" Error;
    /// A value or task is called what the language calls something else.
    ReservedName "reserved-name" Error;
    /// A short name stands for several things; a longer one says which.
    AmbiguousName "ambiguous-name" Error;
    /// A value is used where, on some path, nothing has set it yet.
    MaybeUnset "maybe-unset" Error;
    /// A value is set and never read.
    UnusedValue "unused-value" Warning;
    /// Something of another type is wanted than what stands there.
    TypeMismatch "type-mismatch" Error;
    /// A bare number stands where a duration, rate, percentage or size belongs.
    MissingUnit "missing-unit" Error;
    /// Something true or false is wanted, and this is neither.
    NotACondition "not-a-condition" Error;
    /// A value that the plan needs is only known while the run goes.
    NotConstant "not-constant" Error;
    /// A function is given too many or too few arguments.
    ArgumentCount "argument-count" Error;
    /// A count that is a fraction, or too small.
    NotACount "not-a-count" Error;
    /// A range that ends before it begins, or a time of 0 in which something should come.
    EmptyRange "empty-range" Error;
    /// `status`, `json` and the like stand where there is no answer to look into.
    NoResponseHere "no-response-here" Error;
    /// A message on a socket has no status, headers, cookies or URL.
    NotInAMessage "not-in-a-message" Error;
    /// A user's value stands where there is no user.
    NoUserHere "no-user-here" Error;
    /// A capture that looks into nothing.
    NotAnExtractor "not-an-extractor" Error;
    /// A JSONPath that can find any number of values stands where one is wanted.
    QueryNeedsAll "query-needs-all" Error;
    /// A path that does not follow RFC 9535.
    MalformedJsonPath "malformed-jsonpath" Error;
    /// A regular expression that does not follow the syntax of Rust's `regex`.
    MalformedRegex "malformed-regex" Error;
    /// A target that is no URL of HTTP.
    MalformedUrl "malformed-url" Error;
    /// A file that should hold certificates or a key holds none.
    MalformedCertificate "malformed-certificate" Error;
    /// The certificate of a server is not looked at.
    UnverifiedCertificate "unverified-certificate" Warning;
    /// A header whose name or value cannot be sent.
    MalformedHeader "malformed-header" Error;
    /// A status that no answer has.
    ImpossibleStatus "impossible-status" Error;
    /// Something that can be said once is said twice.
    DuplicateSetting "duplicate-setting" Error;
    /// A request with more than one body.
    TwoBodies "two-bodies" Error;
    /// A label before something that is no step.
    MisplacedLabel "misplaced-label" Error;
    /// A step on a socket stands where there is none.
    NoSocketHere "no-socket-here" Error;
    /// A step on a socket that is closed, or may be, when it comes to it.
    ClosedSocket "closed-socket" Error;
    /// A socket is used that, on some path, nothing has opened yet.
    MaybeUnopened "maybe-unopened" Error;
    /// A socket is opened that is open already, or may be.
    AlreadyOpen "already-open" Error;
    /// A socket that outlives its block has no label, so nothing can use it.
    UnnamedSocket "unnamed-socket" Error;
    /// A statement that a standing answer or timer cannot hold.
    MisplacedInStanding "misplaced-in-standing" Error;
    /// A step that would send over a stream of events, which only comes.
    NotOnEvents "not-on-events" Error;
    /// `since` names a step that does not come before on every path, on the same socket.
    SinceNotBefore "since-not-before" Error;
    /// A `call` has a reference of its own and takes no `since`.
    SinceOnCall "since-on-call" Error;
    /// A clause that this form of the step does not take.
    MisplacedClause "misplaced-clause" Error;
    /// A close code or reason that an application cannot send.
    CloseCode "close-code" Error;
    /// Nothing says where the load goes.
    MissingTarget "missing-target" Error;
    /// A scenario without users.
    NoUsers "no-users" Error;
    /// A user without tasks.
    NoTasks "no-tasks" Error;
    /// A weight below zero.
    NegativeWeight "negative-weight" Error;
    /// All weights are zero, so nothing can ever be drawn.
    WeightsSumToZero "weights-sum-to-zero" Error;
    /// A threshold on something that is not measured.
    UnknownMetric "unknown-metric" Error;
    /// A method that is probably a slip of the fingers.
    UnknownMethod "unknown-method" Warning;
    /// A request of a task whose answer is not looked at.
    NoExpectation "no-expectation" Warning;
    /// A credential that stands in the file.
    LiteralCredential "literal-credential" Warning;
    /// A condition that holds always, or never.
    ConstantCondition "constant-condition" Warning;
    /// Conditions that no answer can meet together.
    Contradiction "contradiction" Warning;
    /// A file that the scenario names is not there, or cannot be read.
    MissingFile "missing-file" Error;
    /// A data file whose rows cannot be read: fields are missing, a line is no JSON.
    MalformedData "malformed-data" Error;
    /// Data without a single row.
    EmptyData "empty-data" Error;
    /// A column is used that the rows do not have.
    UnknownColumn "unknown-column" Error;
    /// A setting holds a word that it cannot hold.
    UnknownOption "unknown-option" Error;
    /// Nothing takes a row from this data.
    UnusedData "unused-data" Warning;
    /// A target is declared, and no step goes to it.
    UnusedTarget "unused-target" Warning;
    /// Credentials that are said for a whole user go to more than one target.
    AuthForTwoTargets "auth-for-two-targets" Warning;
    /// `oneof` with a single argument, which is always the one drawn.
    SingleChoice "single-choice" Warning;
    /// Text that a function can make nothing of: a date format, an encoding.
    MalformedArgument "malformed-argument" Error;
    /// A used file holds what only a scenario can: users, a target, thresholds.
    NotForOthers "not-for-others" Error;
    /// A flow calls itself, directly or through others.
    FlowRecursion "flow-recursion" Error;
    /// A value is wanted of a flow that returns none.
    FlowWithoutValue "flow-without-value" Error;
    /// A flow is called where its steps cannot be done.
    MisplacedCall "misplaced-call" Error;
    /// A flow that nothing calls.
    UnusedFlow "unused-flow" Warning;
    /// `set` on a value that is the same for the whole run.
    SetOfConstant "set-of-constant" Error;
    /// The branches of a `choose` make more than 100 % together.
    ChooseOver100 "choose-over-100" Error;
    /// A statement that would have to wait stands in `parallel`, whose steps start together.
    NotInParallel "not-in-parallel" Error;
    /// Statements that are never done.
    Unreachable "unreachable" Warning;
    /// Two receives or calls without a label, whose times are one row.
    SharedRow "shared-row" Warning;
    /// Steps of different kinds under one name, whose times are one row.
    MixedRow "mixed-row" Warning;
    /// A latency threshold on a receive whose times are gaps between messages.
    ThresholdOnGaps "threshold-on-gaps" Warning;
    /// `over` and `for` of thresholds: whole seconds, the one behind promises, the other behind `abort if`.
    ThresholdWindow "threshold-window" Error;
    /// A threshold that wants one exact value of what is never twice the same.
    ExactThreshold "exact-threshold" Warning;
    /// An `abort if` that ends the run as long as all is well.
    AbortWhenWell "abort-when-well" Warning;
    /// The same threshold twice.
    DuplicateThreshold "duplicate-threshold" Warning;
    /// A threshold that no sample will ever be counted for.
    ThresholdWithoutData "threshold-without-data" Warning;
    /// A comment allows what nothing on the next line breaks.
    UnusedAllow "unused-allow" Warning;
    /// A comment allows a rule that there is not.
    UnknownRule "unknown-rule" Warning;

    // ── plan: scenario and profile together ──
    /// The profile is not a YAML document.
    ProfileSyntax "profile-syntax" Error;
    /// A profile has a key that no profile has.
    UnknownKey "unknown-key" Error;
    /// A profile lacks a key that it needs.
    MissingKey "missing-key" Error;
    /// A key stands twice in one object, query, form or profile.
    DuplicateKey "duplicate-key" Error;
    /// A key of a profile holds something that it cannot hold.
    ProfileValue "profile-value" Error;
    /// The mix of a profile names a class of users that the scenario does not have; that part does not apply.
    MixWithoutUser "mix-without-user" Note;
    /// `--mix` names a class of users that the scenario does not have.
    MixUndefinedUser "mix-undefined-user" Error;
    /// A mix applies and names other classes of users, but not this one: it gets no users.
    MixLeavesOut "mix-leaves-out" Warning;
    /// `pick unique` data with fewer rows than the profile has users that take one.
    TooFewRows "too-few-rows" Error;
    /// A threshold wants more requests a second than the profile's users can make, even if answers took no time.
    UnreachableRate "unreachable-rate" Warning;
    /// A window of a threshold that is longer than the profile's run: it is never judged.
    WindowBeyondRun "window-beyond-run" Warning;
}
