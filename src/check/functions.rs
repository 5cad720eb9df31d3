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
        "getenv" | "environ" => "env",
        "tolower" | "lowercase" | "to_lower" => "lower",
        "substring_after" | "split" => "after",
        "substring_before" => "before",
        "random_item" | "random_from" => "pick",
        "b64encode" | "base64encode" | "base64_encode" | "btoa" => "base64",
        "b64decode" | "base64decode" | "base64_decode" | "atob" => "unbase64",
        "hex" | "hexlify" => "to_hex",
        "unhex" | "unhexlify" => "from_hex",
        "hmac" => "hmac_sha256",
        "urlencode" | "encodeuricomponent" | "quote" => "url_encode",
        "format_date" | "strftime" | "today" => "date",
        "read" | "readfile" | "open" => "file",
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
    /// Whether the same arguments always give the same value, so that it is known before the run where they are.
    pub steady: bool,
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

/// What has an order, and lists of such.
const ORDERED: &[Type] = &[Type::Number, Type::Duration, Type::Rate, Type::Share, Type::Size, Type::String, Type::List];

/// The table.
pub const FUNCTIONS: &[Signature] = &[
    Signature {
        name: "env",
        function: Function::Env,
        parameters: &[Parameter { name: "name", accepts: STRING }, Parameter { name: "default", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: false,
        doc: "The environment variable `name` where `scn run` was typed, else `default`.",
    },
    Signature {
        name: "secret",
        function: Function::Secret,
        parameters: &[Parameter { name: "name", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: false,
        doc: "The variable `name` where `scn run` was typed, else what the file holds that `name_FILE` names; shown as `***` everywhere.",
    },
    Signature {
        name: "file",
        function: Function::File,
        parameters: &[Parameter { name: "path", accepts: STRING }, Parameter { name: "type", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: false,
        doc: "What a file beside the scenario holds, read before the run; `type` is its media type in `multipart`.",
    },
    Signature {
        name: "length",
        function: Function::Length,
        parameters: &[Parameter { name: "value", accepts: &[Type::String, Type::List] }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::Number),
        steady: true,
        doc: "How many characters a string, items a list or members an object has.",
    },
    Signature {
        name: "lower",
        function: Function::Lower,
        parameters: &[Parameter { name: "text", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The text in lower case.",
    },
    Signature {
        name: "number",
        function: Function::Number,
        parameters: &[Parameter { name: "value", accepts: &[Type::String, Type::Number] }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::Number),
        steady: true,
        doc: "The number that a text holds; reads `\"0x1f\"` too.",
    },
    Signature {
        name: "string",
        function: Function::String,
        parameters: &[Parameter { name: "value", accepts: ANY }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The value as text; lists and objects as compact JSON.",
    },
    Signature {
        name: "replace",
        function: Function::Replace,
        parameters: &[
            Parameter { name: "text", accepts: STRING },
            Parameter { name: "old", accepts: STRING },
            Parameter { name: "new", accepts: STRING },
        ],
        required: 3,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The text with `new` wherever `old` stood.",
    },
    Signature {
        name: "after",
        function: Function::After,
        parameters: &[Parameter { name: "text", accepts: STRING }, Parameter { name: "mark", accepts: STRING }],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "What stands behind the first `mark`; nothing where there is none.",
    },
    Signature {
        name: "before",
        function: Function::Before,
        parameters: &[Parameter { name: "text", accepts: STRING }, Parameter { name: "mark", accepts: STRING }],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "What stands before the first `mark`; nothing where there is none.",
    },
    Signature {
        name: "pick",
        function: Function::Pick,
        parameters: &[Parameter { name: "list", accepts: &[Type::List] }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::Json),
        steady: false,
        doc: "An item of a list, or a row of data, each as likely as the others.",
    },
    Signature {
        name: "oneof",
        function: Function::OneOf,
        parameters: &[Parameter { name: "value", accepts: ANY }],
        required: 1,
        variadic: true,
        result: Gives::OneOfItsArguments,
        steady: false,
        doc: "One of its arguments, each as likely as the others; only that one is evaluated.",
    },
    Signature {
        name: "min",
        function: Function::Min,
        parameters: &[Parameter { name: "value", accepts: ORDERED }],
        required: 1,
        variadic: true,
        result: Gives::OneOfItsArguments,
        steady: true,
        doc: "The least of its arguments, or of the items of a list.",
    },
    Signature {
        name: "max",
        function: Function::Max,
        parameters: &[Parameter { name: "value", accepts: ORDERED }],
        required: 1,
        variadic: true,
        result: Gives::OneOfItsArguments,
        steady: true,
        doc: "The greatest of its arguments, or of the items of a list.",
    },
    Signature {
        name: "base64",
        function: Function::Base64,
        parameters: &[Parameter { name: "text", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The text in Base64, with `=` at its end where needed.",
    },
    Signature {
        name: "unbase64",
        function: Function::Unbase64,
        parameters: &[Parameter { name: "text", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "What a text in Base64 stands for, in either alphabet, with or without `=`.",
    },
    Signature {
        name: "base64url",
        function: Function::Base64Url,
        parameters: &[Parameter { name: "text", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The text in the Base64 of URLs and tokens, without `=`.",
    },
    Signature {
        name: "to_hex",
        function: Function::ToHex,
        parameters: &[Parameter { name: "value", accepts: &[Type::String, Type::Number] }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The bytes of a text, or a whole number, in lower-case hexadecimal digits.",
    },
    Signature {
        name: "from_hex",
        function: Function::FromHex,
        parameters: &[Parameter { name: "text", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The bytes that hexadecimal digits stand for; `0x` may stand before them.",
    },
    Signature {
        name: "sha256",
        function: Function::Sha256,
        parameters: &[Parameter { name: "text", accepts: STRING }, Parameter { name: "encoding", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The SHA-256 of a text in lower-case hexadecimal digits, or in `\"base64\"`.",
    },
    Signature {
        name: "hmac_sha256",
        function: Function::HmacSha256,
        parameters: &[
            Parameter { name: "key", accepts: STRING },
            Parameter { name: "text", accepts: STRING },
            Parameter { name: "encoding", accepts: STRING },
        ],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The HMAC-SHA-256 of a text in lower-case hexadecimal digits, or in `\"base64\"`.",
    },
    Signature {
        name: "url_encode",
        function: Function::UrlEncode,
        parameters: &[Parameter { name: "text", accepts: STRING }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: true,
        doc: "The text with `%20` and the like for all but letters, digits and `-._~`.",
    },
    Signature {
        name: "uuid",
        function: Function::Uuid,
        parameters: &[],
        required: 0,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: false,
        doc: "A fresh UUID, version 4.",
    },
    Signature {
        name: "now",
        function: Function::Now,
        parameters: &[],
        required: 0,
        variadic: false,
        result: Gives::Type(Type::Number),
        steady: false,
        doc: "Seconds since 1970, with a fraction.",
    },
    Signature {
        name: "date",
        function: Function::Date,
        parameters: &[Parameter { name: "format", accepts: STRING }, Parameter { name: "seconds", accepts: NUMBER }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: false,
        doc: "The moment in UTC as `strftime` writes it, `\"%Y-%m-%d\"`: now, or so many seconds after 1970.",
    },
    Signature {
        name: "uniform",
        function: Function::Uniform,
        parameters: &[Parameter { name: "from", accepts: NUMBER }, Parameter { name: "to", accepts: NUMBER }],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::Number),
        steady: false,
        doc: "A number between both, each as likely as the others.",
    },
    Signature {
        name: "int",
        function: Function::Int,
        parameters: &[Parameter { name: "from", accepts: NUMBER }, Parameter { name: "to", accepts: NUMBER }],
        required: 2,
        variadic: false,
        result: Gives::Type(Type::Number),
        steady: false,
        doc: "A whole number from `from` to `to`, both included.",
    },
    Signature {
        name: "random_string",
        function: Function::RandomString,
        parameters: &[Parameter { name: "length", accepts: NUMBER }],
        required: 1,
        variadic: false,
        result: Gives::Type(Type::String),
        steady: false,
        doc: "So many random letters and digits.",
    },
    Signature {
        name: "counter",
        function: Function::Counter,
        parameters: &[],
        required: 0,
        variadic: false,
        result: Gives::Type(Type::Number),
        steady: false,
        doc: "A number that is unique over the whole run.",
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
