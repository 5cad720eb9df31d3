//! What is told of a rule at leisure: Markdown of two shapes only, paragraphs and fenced examples.

/// The page of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page(pub &'static str);

/// A piece of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A paragraph, on one line.
    Words(String),
    /// A fenced example.
    Example {
        /// What it is: `scn` a whole scenario, `scn task` statements of a task, `yaml` a profile, `sh` a command.
        kind: &'static str,
        /// The lines between the fences, each with its line end.
        text: &'static str,
    },
}

impl Page {
    /// The page as it was written.
    pub fn markdown(self) -> &'static str {
        self.0
    }

    /// Its pieces, in order.
    pub fn parts(self) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut rest = self.0.trim_start();
        while !rest.is_empty() {
            let (part, behind) = match rest.strip_prefix("```") {
                Some(fenced) => {
                    let (kind, body) = fenced.split_once('\n').unwrap_or((fenced, ""));
                    let end = body.find("\n```").map_or(body.len(), |at| at + 1);
                    let (text, behind) = body.split_at(end);
                    (Part::Example { kind, text }, behind.strip_prefix("```").unwrap_or(behind))
                }
                None => {
                    let (words, behind) = rest.split_once("\n\n").unwrap_or((rest, ""));
                    (Part::Words(words.split_whitespace().collect::<Vec<_>>().join(" ")), behind)
                }
            };
            parts.push(part);
            rest = behind.trim_start();
        }
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_paragraphs_and_examples() {
        let page = Page("One\ntwo.\n\n```scn task\na {\n\n}\n```\n\nThree:\n\n```yaml\nb: 1\n```\n");
        let words = |text: &str| Part::Words(text.to_owned());
        let example = |kind, text| Part::Example { kind, text };
        let parts = [words("One two."), example("scn task", "a {\n\n}\n"), words("Three:"), example("yaml", "b: 1\n")];
        assert_eq!(page.parts(), parts);
    }
}
