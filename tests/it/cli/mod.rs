//! The command line as a user meets it: files and arguments in; exit code, standard output and standard error out.

mod check;
mod demo;
mod rendering;
mod usage;
mod world;
