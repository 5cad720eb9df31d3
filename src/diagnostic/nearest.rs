//! The one "did you mean": at most one suggestion, and only when it is close.

/// Longest word that is compared, in characters; comparing takes time with the square of it, and no name is longer.
const LENGTH_MAX: usize = 100;

/// The word of `known` nearest to `typed`: within a third of its length (at least one edit), transpositions counting
/// once, letter case not at all; among equals the one that ends in the same letter. `None` when nothing is near enough.
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = typed.chars().count();
    let limit = (length / 3).max(1);
    if length > LENGTH_MAX {
        return None;
    }
    let typed_lower = typed.to_lowercase();
    let ends_alike = |word: &str| word.chars().next_back() == typed.chars().next_back();
    known
        .into_iter()
        .filter(|word| *word != typed && word.chars().count().abs_diff(length) <= limit)
        .map(|word| (distance(&typed_lower, &word.to_lowercase()), word))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, word)| (*edits, !ends_alike(word)))
        .map(|(_, word)| word)
}

/// Optimal string alignment distance: insertions, deletions, substitutions and swaps of neighbours.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let substitution = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substitution.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_swap_is_one_edit_and_far_words_are_not_suggested() {
        assert_eq!(nearest("brwose", ["browse", "checkout"]), Some("browse"));
        assert_eq!(nearest("expct", ["expect", "capture"]), Some("expect"));
        assert_eq!(nearest("foo", ["browse"]), None);
        assert_eq!(nearest("Get", ["GET", "PUT"]), Some("GET"));
        assert_eq!(nearest("usr", ["use", "user"]), Some("user"));
    }
}
