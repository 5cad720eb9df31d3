//! Two texts as a unified diff.

use std::fmt::Write;
use std::ops::Range;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;

/// Most pairs of lines that are compared; beyond it what differs is shown as one change.
const PAIRS_MAX: usize = 4 << 20;

/// What makes `before` into `after`; empty where they are the same.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
    let changes = changes(&old, &new);
    if changes.is_empty() {
        return String::new();
    }
    let mut out = format!("--- {name}\n+++ {name}\n");
    let mut rest = changes.as_slice();
    while !rest.is_empty() {
        // Changes whose context would touch share a hunk.
        let near = |pair: &[Change]| pair[1].old.start - pair[0].old.end <= 2 * CONTEXT;
        let count = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
        let (hunk, later) = rest.split_at(count);
        rest = later;
        let (first, last) = (&hunk[0], &hunk[count - 1]);
        let lead = first.old.start.min(CONTEXT);
        let trail = (old.len() - last.old.end).min(CONTEXT);
        let mut at = first.old.start - lead;
        let ranges = [at..last.old.end + trail, first.new.start - lead..last.new.end + trail];
        let [from, to] = ranges.map(|range| place(&range));
        let _ = writeln!(out, "@@ -{from} +{to} @@");
        for change in hunk {
            lines(&mut out, ' ', &old[at..change.old.start]);
            lines(&mut out, '-', &old[change.old.clone()]);
            lines(&mut out, '+', &new[change.new.clone()]);
            at = change.old.end;
        }
        lines(&mut out, ' ', &old[at..at + trail]);
    }
    out
}

/// `first,count`, from 1; an empty range names the line before it.
fn place(range: &Range<usize>) -> String {
    let first = if range.is_empty() { range.start } else { range.start + 1 };
    if range.len() == 1 { first.to_string() } else { format!("{first},{}", range.len()) }
}

fn lines(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// Lines that stand in the place of others.
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

/// All changes, in order, as few lines as possible.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let (old, new) = (&old_rest[..old_rest.len() - tail], &new_rest[..new_rest.len() - tail]);
    if old.is_empty() && new.is_empty() {
        return Vec::new();
    }
    let width = new.len() + 1;
    if (old.len() + 1).saturating_mul(width) > PAIRS_MAX {
        return vec![Change { old: head..head + old.len(), new: head..head + new.len() }];
    }
    // The longest run of lines in both, from each pair of places to the ends.
    let mut common = vec![0u32; (old.len() + 1) * width];
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            common[i * width + j] = match line == other {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let mut changes: Vec<Change> = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let (from, to) = (i, j);
        let deletes = j == new.len() || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]);
        if deletes {
            i += 1
        } else {
            j += 1
        }
        match changes.last_mut() {
            Some(last) if last.old.end == head + from && last.new.end == head + to => {
                (last.old.end, last.new.end) = (head + i, head + j);
            }
            _ => changes.push(Change { old: head + from..head + i, new: head + to..head + j }),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::unified;

    #[test]
    fn equal_texts_have_no_diff() {
        assert_eq!(unified("a", "x\ny\n", "x\ny\n"), "");
    }

    #[test]
    fn far_changes_stand_in_hunks_of_their_own() {
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replace("2\n3\n", "2\nthree\n").replace("19\n", "");
        let expected = "--- a\n+++ a\n@@ -1,6 +1,6 @@\n 1\n 2\n-3\n+three\n 4\n 5\n 6\n\
                        @@ -16,5 +16,4 @@\n 16\n 17\n 18\n-19\n 20\n";
        assert_eq!(unified("a", &old, &new), expected);
    }

    #[test]
    fn near_changes_share_a_hunk_and_a_missing_line_end_is_said() {
        let expected = "--- a\n+++ a\n@@ -1,3 +1,3 @@\n-x\n+X\n y\n-z\n\\ No newline at end of file\n+z\n";
        assert_eq!(unified("a", "x\ny\nz", "X\ny\nz\n"), expected);
        assert_eq!(unified("a", "", "x\n"), "--- a\n+++ a\n@@ -0,0 +1 @@\n+x\n");
    }
}
