//! Every function of the language: one table for checking, suggestions and documentation.

use super::meaning::{Function, Type};

/// What the function of another tool or language is called here.
pub(super) fn elsewhere_called(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "len" | "count" => "length",
        "str" | "to_string" => "string",
        "float" | "parse_int" | "parseint" => "number",
        "random" | "rand" | "randint" | "rand_int" | "random_int" | "randomintbetween" => "int",
        "choice" | "random_choice" | "one_of" | "sample" => "oneof",
        "uuid4" | "uuidv4" | "guid" => "uuid",
        "timestamp" | "unix" => "now",
        "randomstring" | "rand_string" => "random_string",
        "getenv" => "env",
        _ => return None,
    })
}

/// One function.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// How it is called.
    pub name: &'static str,
    /// What it is in the meaning.
    pub function: Function,
    /// Its arguments, in order.
    pub parameters: &'static [Parameter],
    /// How many of them must be there.
    pub required: usize,
    /// Whether the last argument may be repeated.
    pub variadic: bool,
    /// What it gives.
    pub result: Gives,
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// One argument.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in documentation.
    pub name: &'static str,
    /// What it may be; empty: anything. What is only known at run time always may.
    pub accepts: &'static [Type],
}

/// What a function gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Always this.
    Type(Type),
    /// What its arguments are, where they agree.
    OneOfItsArguments,
}

impl Signature {
    /// The function called `name`.
    pub fn find(name: &str) -> Option<&'static Signature> {
        FUNCTIONS.iter().find(|signature| signature.name == name)
    }

    /// The row of a function.
    pub fn of(function: Function) -> &'static Signature {
        FUNCTIONS.iter().find(|signature| signature.function == function).expect("every function has a row")
    }

    /// How it is written: `env(name, default)`.
    pub fn usage(&self) -> String {
        let names: Vec<&str> = self.parameters.iter().map(|parameter| parameter.name).collect();
        format!("{}({}{})", self.name, names.join(", "), if self.variadic { ", …" } else { "" })
    }
}

const ANY: &[Type] = &[];
const NUMBER: &[Type] = &[Type::Number];
const STRING: &[Type] = &[Type::String];

/// Functions of the language that come later: they are known, and said to be so.
pub const LATER: &[&str] = &[
    "secret",
    "file",
    "lower",
    "replace",
    "after",
    "before",
    "pick",
    "min",
    "max",
    "base64",
    "unbase64",
    "base64url",
    "to_hex",
    "from_hex",
    "sha256",
    "hmac_sha256",
    "url_encode",
    "date",
];

/// The table.
pub const FUNCTIONS: &[Signature] = &[
    Signature {
        name: "env",
        function: Function::Env,
        parameters: &[Parameter { name: "name", accepts: STRING }, Parameter { name: "default", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        doc: "The environment variable `name` where `scn run` was typed, else `default`.",
    },
    Signature {
        name: "length",
        function: Function::Length,
        parameters: &[Parameter { name: "value", accepts: &[Type::String, Type::List] }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::Number),
        doc: "How many characters a string, items a list or members an object has.",
    },
    Signature {
        name: "number",
        function: Function::Number,
        parameters: &[Parameter { name: "value", accepts: &[Type::String, Type::Number] }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::Number),
        doc: "The number that a text holds; reads `\"0x1f\"` too.",
    },
    Signature {
        name: "string",
        function: Function::String,
        parameters: &[Parameter { name: "value", accepts: ANY }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        doc: "The value as text; lists and objects as compact JSON.",
    },
    Signature {
        name: "oneof",
        function: Function::OneOf,
        parameters: &[Parameter { name: "value", accepts: ANY }],
        required: 1,
        variadic: true,
        result: Gives::OneOfItsArguments,
        doc: "One of its arguments, each as likely as the others; only that one is evaluated.",
    },
    Signature {
        name: "uniform",
        function: Function::Uniform,
        parameters: &[Parameter { name: "from", accepts: NUMBER }, Parameter { name: "to", accepts: NUMBER }],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::Number),
        doc: "A number between both, each as likely as the others.",
    },
    Signature {
        name: "int",
        function: Function::Int,
        parameters: &[Parameter { name: "from", accepts: NUMBER }, Parameter { name: "to", accepts: NUMBER }],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::Number),
        doc: "A whole number from `from` to `to`, both included.",
    },
    Signature {
        name: "uuid",
        function: Function::Uuid,
        parameters: &[],
        required: 0,
        variadic: false,
        result: Gives::Type(Type::String),
        doc: "A fresh UUID, version 4.",
    },
    Signature {
        name: "now",
        function: Function::Now,
        parameters: &[],
        required: 0,
        variadic: false,
        result: Gives::Type(Type::Number),
        doc: "Seconds since 1970, with a fraction.",
    },
    Signature {
        name: "counter",
        function: Function::Counter,
        parameters: &[],
        required: 0,
        variadic: false,
        result: Gives::Type(Type::Number),
        doc: "A number that is unique over the whole run.",
    },
    Signature {
        name: "random_string",
        function: Function::RandomString,
        parameters: &[Parameter { name: "length", accepts: NUMBER }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        doc: "So many random letters and digits.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_has_one_row_and_no_two_share_a_name() {
        let mut names: Vec<&str> = FUNCTIONS.iter().map(|signature| signature.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FUNCTIONS.len());
        for signature in FUNCTIONS {
            assert!(!LATER.contains(&signature.name), "`{}` has come", signature.name);
            assert!(signature.required <= signature.parameters.len(), "{}", signature.name);
            assert_eq!(Signature::of(signature.function).name, signature.name);
        }
    }

    #[test]
    fn usage_reads_like_a_call() {
        assert_eq!(Signature::of(Function::Env).usage(), "env(name, default)");
        assert_eq!(Signature::of(Function::OneOf).usage(), "oneof(value, …)");
        assert_eq!(Signature::of(Function::Uuid).usage(), "uuid()");
    }
}
