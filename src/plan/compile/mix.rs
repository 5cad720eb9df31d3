//! Who gets how many users: the profile's mix, else the scenario's weights.

use crate::check::meaning;
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::plan::Profile;
use crate::plan::profile::MixShare;

/// The share of each class of users, in file order; they sum to 1.
///
/// A mix applies to the classes that the scenario has; if that leaves nobody, the weights hold.
pub(super) fn shares(scenario: &meaning::Scenario, profile: &Profile, diagnostics: &mut Vec<Diagnostic>) -> Vec<f64> {
    let classes: Vec<&str> = scenario.users.iter().map(|user| user.name.value.as_str()).collect();
    for entry in profile.mix.iter().filter(|entry| !classes.contains(&entry.user.as_str())) {
        diagnostics.push(no_such_user(entry, scenario, &classes, profile));
    }
    let of_mix = |class: &&str| profile.mix.iter().filter(|entry| entry.user == **class).map(|entry| entry.share).sum();
    let mut mixed: Vec<f64> = classes.iter().map(of_mix).collect();
    for (share, user) in mixed.iter_mut().zip(&scenario.users) {
        *share *= f64::from(u8::from(!user.left_out));
    }
    if let Some(shares) = parts_of_whole(&mixed) {
        for (user, share) in scenario.users.iter().zip(&shares) {
            let named = profile.mix.iter().any(|entry| entry.user == user.name.value);
            // Who writes `websocket: 0` has said so and needs no warning.
            if *share == 0.0 && !named && !user.left_out {
                diagnostics.push(left_out(user, profile));
            }
        }
        return shares;
    }
    let weights: Vec<f64> = scenario.users.iter().map(|user| user.weight).collect();
    // `check` lets no scenario through whose weights sum to nothing; if one came, all classes would count the same.
    let there = || scenario.users.iter().map(|user| f64::from(u8::from(!user.left_out)));
    let equal = || parts_of_whole(&there().collect::<Vec<_>>()).expect("not all are left out");
    parts_of_whole(&weights).unwrap_or_else(equal)
}

fn parts_of_whole(parts: &[f64]) -> Option<Vec<f64>> {
    let whole: f64 = parts.iter().sum();
    (whole > 0.0).then(|| parts.iter().map(|part| part / whole).collect())
}

/// `undefined-name` in `--mix`, `mix-without-user` in a profile: that is written for several scenarios.
fn no_such_user(entry: &MixShare, scenario: &meaning::Scenario, classes: &[&str], profile: &Profile) -> Diagnostic {
    let message = format!("no user of this scenario is called `{}`", entry.user);
    let meant = nearest(&entry.user, classes.iter().copied());
    let mut diagnostic = match entry.span {
        Some(span) => Diagnostic::new(Rule::MixWithoutUser, span, message)
            .label(format!("this part of the mix of `{}` does not apply", profile.name)),
        None => {
            let (first, others) = scenario.users.split_first().expect("a sound scenario has users");
            let mut diagnostic = Diagnostic::new(Rule::MixUndefinedUser, first.name.span, message)
                .label(format!("`--mix` names `{}`, but the users are", entry.user));
            for user in others {
                diagnostic = diagnostic.also(user.name.span, "");
            }
            diagnostic
        }
    };
    if let Some(meant) = meant {
        diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
        if let Some(span) = entry.span {
            diagnostic = diagnostic.fix(span, meant);
        }
    }
    diagnostic
}

/// `mix-leaves-out`
fn left_out(user: &meaning::User, profile: &Profile) -> Diagnostic {
    let name = &user.name.value;
    let of_flag = profile.mix.iter().all(|entry| entry.span.is_none());
    let place = if of_flag { "`--mix`".to_owned() } else { format!("the mix of `{}`", profile.name) };
    let diagnostic = Diagnostic::new(Rule::MixLeavesOut, user.name.span, format!("`{name}` gets no users"))
        .label(format!("{place} does not name it"))
        .help(format!("give `{name}` a share there, or 0 to leave it out on purpose"));
    match profile.mix.iter().find_map(|entry| entry.span) {
        Some(span) => diagnostic.also(span, "the mix stands here"),
        None => diagnostic,
    }
}
