//! What stands at the top of a file and in a user.

use super::{Block, Expr, Name, Part, Thresholds};
use crate::base::{Span, Spanned};

/// A whole file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// What stands at the top level, in order.
    pub items: Vec<Item>,
}

/// What stands at the top level.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `scenario "Title"`
    Scenario {
        /// The whole item.
        span: Span,
        /// The title, plain text.
        title: Spanned<String>,
    },
    /// `target URL { … }`
    Target(Target),
    /// `let name = expression`
    Let(Let),
    /// `data name from "file.csv" { … }`
    Data(Data),
    /// `use "lib/login.scn"`
    Use {
        /// The whole item.
        span: Span,
        /// The other file, plain text.
        path: Spanned<String>,
    },
    /// `flow login(name, password) { … }`
    Flow(Flow),
    /// `user name weight N { … }`
    User(User),
    /// `setup { … }`
    Setup(Once),
    /// `teardown { … }`
    Teardown(Once),
    /// `thresholds { … }`
    Thresholds(Thresholds),
    /// Something that could not be read.
    Bad(Bad),
}

/// A hole: text that could not be read and was complained about.
#[derive(Clone, Debug, PartialEq)]
pub struct Bad {
    /// The text.
    pub span: Span,
    /// Names that it may have meant to declare: nothing is said about their uses.
    pub declares: Vec<String>,
}

/// `target URL { … }`, `target auth: URL { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The whole item.
    pub span: Span,
    /// Its name; `None`: the default target.
    pub name: Option<Name>,
    /// Where the load goes.
    pub url: Expr,
    /// Defaults of every request.
    pub settings: Vec<Part>,
}

/// `data name from "file.csv" { pick unique; when empty stop }`
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// What the rows are called.
    pub name: Name,
    /// Where they come from.
    pub source: DataSource,
    /// How they are read and dealt, in order.
    pub options: Vec<DataOption>,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq)]
pub enum DataSource {
    /// A file, plain text.
    File(Spanned<String>),
    /// A list that stands in the scenario.
    Inline(Expr),
}

/// How rows are read and dealt.
#[derive(Clone, Debug, PartialEq)]
pub enum DataOption {
    /// `pick sequential`, `random`, `shuffle` or `unique`
    Pick {
        /// The whole option.
        span: Span,
        /// The word as written.
        how: Spanned<String>,
    },
    /// `when empty recycle` or `stop`
    WhenEmpty {
        /// The whole option.
        span: Span,
        /// The word as written.
        what: Spanned<String>,
    },
    /// `columns [a, b]`
    Columns {
        /// The whole option.
        span: Span,
        /// Their names, in order.
        names: Vec<Spanned<String>>,
    },
    /// `separator ";"`
    Separator {
        /// The whole option.
        span: Span,
        /// One character, plain text.
        value: Spanned<String>,
    },
    /// Something that could not be read.
    Bad(Bad),
}

/// `flow login(name, password) { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// What it is called.
    pub name: Name,
    /// What it is given.
    pub parameters: Vec<Name>,
    /// What is done; [`StatementKind::Return`] may be its last statement.
    pub body: Block,
}

/// `setup { … }`, `teardown { … }`: once for the whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Once {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// What is done.
    pub body: Block,
}

/// `let name = expression`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The whole statement.
    pub span: Span,
    /// What is named.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// `user name weight N { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// The class's name.
    pub name: Name,
    /// Its share, if written.
    pub weight: Option<Expr>,
    /// `in order`, where written: its tasks run one after another, as one iteration.
    pub in_order: Option<Span>,
    /// What stands inside.
    pub items: Vec<UserItem>,
}

/// What stands inside `user`.
#[derive(Clone, Debug, PartialEq)]
pub enum UserItem {
    /// `think 1s..3s`
    Think {
        /// The whole setting.
        span: Span,
        /// How long.
        delay: Delay,
    },
    /// `pace 10s`
    Pace {
        /// The whole setting.
        span: Span,
        /// From start to start.
        every: Expr,
    },
    /// `session per iteration`, `session per user`
    Session {
        /// The whole setting.
        span: Span,
        /// The word behind `per`, as written.
        per: Spanned<String>,
    },
    /// `let name = expression`
    Let(Let),
    /// `take account from accounts`
    Take(Take),
    /// A default of the steps of its tasks: header, cookie, auth, query, timeout or redirects.
    Default(Part),
    /// `on start { … }`
    OnStart(Block),
    /// `on stop { … }`
    OnStop(Block),
    /// `task name weight N { … }`
    Task(Task),
    /// Something that could not be read.
    Bad(Bad),
}

/// `take row from data`
#[derive(Clone, Debug, PartialEq)]
pub struct Take {
    /// The whole statement.
    pub span: Span,
    /// What the row is called.
    pub name: Name,
    /// Which data it is dealt from.
    pub data: Name,
}

/// How long a pause is.
#[derive(Clone, Debug, PartialEq)]
pub enum Delay {
    /// `none`
    None(Span),
    /// `2s`
    Fixed(Expr),
    /// `1s..3s`, uniform.
    Range(Expr, Expr),
    /// `exponential(2s)`, by its mean.
    Exponential(Expr),
}

/// `task name weight N { … }`
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The whole item.
    pub span: Span,
    /// The comment block right above, without `#`.
    pub doc: Option<String>,
    /// The task's name.
    pub name: Name,
    /// How often it is drawn, if written.
    pub weight: Option<Expr>,
    /// What is done.
    pub body: Block,
}

impl Item {
    /// The whole item.
    pub fn span(&self) -> Span {
        match self {
            Item::Scenario { span, .. } | Item::Use { span, .. } => *span,
            Item::Target(target) => target.span,
            Item::Let(value) => value.span,
            Item::Data(data) => data.span,
            Item::Flow(flow) => flow.span,
            Item::User(user) => user.span,
            Item::Setup(once) | Item::Teardown(once) => once.span,
            Item::Thresholds(thresholds) => thresholds.span,
            Item::Bad(bad) => bad.span,
        }
    }
}
