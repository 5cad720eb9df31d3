//! Cases of the rows about the flow of a task.

use super::world::Case;

pub fn cases() -> Vec<Case> {
    Vec::new()
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
