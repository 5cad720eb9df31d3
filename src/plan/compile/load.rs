//! What a profile wants, dealt over the classes of a scenario.

use std::time::Duration;

use super::mix;
use crate::check::meaning;
use crate::diagnostic::{Diagnostic, Rule, nearest};
use crate::plan::Profile;
use crate::plan::load::{Load, Part, Shape};
use crate::plan::profile::{ClassLoad, GRACEFUL_STOP, Wanted};
use crate::plan::schedule::ramp::Stage;

/// The load of a run. An error is among the diagnostics where no class gets any.
pub(super) fn load(scenario: &meaning::Scenario, profile: &Profile, diagnostics: &mut Vec<Diagnostic>) -> Load {
    let parts = match &profile.wanted {
        Wanted::Classes(classes) => of_classes(scenario, profile, classes, diagnostics),
        wanted => {
            let shares = mix::shares(scenario, profile, diagnostics);
            vec![Part { shares, shape: shape(wanted, profile.duration) }]
        }
    };
    Load {
        profile: profile.name.clone(),
        parts,
        duration: profile.duration,
        iterations: profile.iterations,
        warm_up: profile.warm_up,
        graceful_stop: profile.graceful_stop.unwrap_or(GRACEFUL_STOP),
    }
}

fn shape(wanted: &Wanted, duration: Duration) -> Shape {
    match wanted {
        Wanted::Users { users, spawn_rate } => Shape::users(*users, *spawn_rate),
        Wanted::UserStages(stages) => Shape::Closed { stages: stages.clone() },
        Wanted::Rate { rate, max_users } => {
            let (jump, hold) = (Stage { to: *rate, over: Duration::ZERO }, Stage { to: *rate, over: duration });
            Shape::Open { stages: vec![jump, hold], max_users: *max_users }
        }
        Wanted::RateStages { stages, max_users } => Shape::Open { stages: stages.clone(), max_users: *max_users },
        Wanted::Classes(_) => panic!("the load of a class is not one of classes"),
    }
}

/// `load`: each class its own.
fn of_classes(
    scenario: &meaning::Scenario,
    profile: &Profile,
    classes: &[ClassLoad],
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Part> {
    let names: Vec<&str> = scenario.users.iter().map(|user| user.name.value.as_str()).collect();
    let mut parts = Vec::new();
    for class in classes {
        let Some(index) = names.iter().position(|name| *name == class.user) else {
            diagnostics.push(no_such_user(class, &names, profile));
            continue;
        };
        if scenario.users[index].left_out {
            continue;
        }
        let mut shares = vec![0.0; names.len()];
        shares[index] = 1.0;
        parts.push(Part { shares, shape: shape(&class.wanted, profile.duration) });
    }
    if let (true, Some(first)) = (parts.is_empty(), classes.first()) {
        let there: Vec<&str> =
            scenario.users.iter().filter(|user| !user.left_out).map(|user| user.name.value.as_str()).collect();
        let message = match there.len() == names.len() {
            true => "`load` names no user of this scenario",
            false => "`load` names no user of this scenario that is not left out",
        };
        diagnostics.push(
            Diagnostic::new(Rule::ProfileValue, first.span, message)
                .label("there is nobody to bear it")
                .help(format!("the users are {}", there.join(", "))),
        );
        return parts;
    }
    for user in &scenario.users {
        if !user.left_out && !classes.iter().any(|class| class.user == user.name.value) {
            let name = &user.name.value;
            let diagnostic = Diagnostic::new(Rule::MixLeavesOut, user.name.span, format!("`{name}` gets no users"))
                .label(format!("the `load` of `{}` does not name it", profile.name))
                .also(classes[0].span, "`load` begins here");
            diagnostics.push(diagnostic);
        }
    }
    parts
}

/// `mix-without-user`: a profile is written for several scenarios.
fn no_such_user(class: &ClassLoad, names: &[&str], profile: &Profile) -> Diagnostic {
    let message = format!("no user of this scenario is called `{}`", class.user);
    let diagnostic = Diagnostic::new(Rule::MixWithoutUser, class.span, message)
        .label(format!("this part of the load of `{}` does not apply", profile.name));
    match nearest(&class.user, names.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).fix(class.span, near),
        None => diagnostic,
    }
}
