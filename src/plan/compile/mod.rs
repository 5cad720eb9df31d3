//! Lowers what was meant to what will be done.
//!
//! `program` lays out statements, `lower` expressions and paths, `mix` decides who gets how many users.

mod control;
mod data;
mod load;
mod lower;
mod mix;
mod program;
mod seconds;
mod secrets;
mod sockets;

use std::borrow::Cow;
use std::collections::HashMap;

use self::lower::{Lower, Variables};
use self::program::Program;
use super::describe;
use super::reach::{Most, reach_of};
use super::{
    Delay, Load, OpId, Plan, Profile, Secrets, Series, Subject, Target, Task, TaskId, Threshold, User, UserId, When,
};
use crate::base::units::duration_text;
use crate::base::{Seed, Sources, Span};
use crate::check::meaning::Owner;
use crate::check::{Sound, meaning};
use crate::diagnostic::{Diagnostic, Rule, Severity};

/// A plan, and what is worth knowing about it.
#[derive(Debug)]
pub struct Compiled {
    /// What will be done.
    pub plan: Plan,
    /// Notes and warnings about scenario and profile together; no errors.
    pub diagnostics: Vec<Diagnostic>,
    /// The thresholds that speak only of what is left out, as written: they are not judged.
    pub not_judged: Vec<String>,
}

/// Puts a sound scenario under the load of a profile. `sources` hold the texts that their spans refer to.
///
/// Errors: everything that is wrong with the two together, notes and warnings included.
pub fn compile(sound: &Sound, profile: &Profile, seed: Seed, sources: &Sources) -> Result<Compiled, Vec<Diagnostic>> {
    let mut scenario = Cow::Borrowed(sound.scenario());
    let added = profile.thresholds.iter().filter_map(|written| written.meaning.clone());
    if !profile.thresholds.is_empty() {
        scenario.to_mut().thresholds.extend(added);
    }
    let mut not_judged = Vec::new();
    if scenario.has_left_out() {
        not_judged = scenario.to_mut().take_left_out_thresholds();
    }
    let scenario = &*scenario;
    let mut diagnostics = Vec::new();
    let load = load::load(scenario, profile, &mut diagnostics);
    if diagnostics.iter().any(|d| d.severity() == Severity::Error) {
        return Err(diagnostics);
    }
    let mut plan = lay_out(scenario, load.clone(), seed, sources, None);
    if plan.secrets != Secrets::default() {
        // Once more, now that it is known which values are secret: so is what functions make of them.
        let secrets = std::mem::take(&mut plan.secrets);
        plan = lay_out(scenario, load, seed, sources, Some(&secrets));
    }
    diagnostics.extend(data::too_few_rows(&plan));
    if diagnostics.iter().any(|d| d.severity() == Severity::Error) {
        return Err(diagnostics);
    }
    diagnostics.extend(plan.thresholds.iter().filter_map(|threshold| unreachable_rate(&plan, threshold)));
    diagnostics.extend(plan.thresholds.iter().filter_map(|threshold| window_beyond_run(&plan, threshold)));
    Ok(Compiled { plan, diagnostics, not_judged })
}

/// `unreachable-rate`: the threshold wants more than the users can do, whatever the target does.
fn unreachable_rate(plan: &Plan, threshold: &Threshold) -> Option<Diagnostic> {
    use meaning::{Comparison, Metric};
    let wants_much = matches!(threshold.comparison, Comparison::Greater | Comparison::GreaterEqual | Comparison::Equal);
    if threshold.metric != Metric::Rate || !wants_much || matches!(threshold.when, When::Abort(_)) {
        return None;
    }
    let subjects = match &threshold.subject {
        Subject::Each(rows) => rows.iter().map(|row| Subject::Series(vec![*row])).collect(),
        subject => vec![subject.clone()],
    };
    let most = subjects.iter().map(|subject| reach_of(plan, subject));
    let most = most.filter_map(|most| if let Most::Rate(most) = most { Some(most) } else { None });
    let most = most.min_by(f64::total_cmp).filter(|most| threshold.limit > *most)?;
    let (users, profile) = (plan.load.users(), &plan.load.profile);
    let message = format!("{users} users make at most {} requests a second here", describe::shown(most));
    Some(
        Diagnostic::new(Rule::UnreachableRate, threshold.span, message)
            .label(format!(
                "think times and pauses leave no more with profile `{profile}`, even if answers took no time"
            ))
            .help("more users, shorter pauses or a lower limit would make it reachable"),
    )
}

/// `window-beyond-run`: nothing will ever be judged.
fn window_beyond_run(plan: &Plan, threshold: &Threshold) -> Option<Diagnostic> {
    let (When::Windows(length) | When::Abort(Some(length))) = threshold.when else { return None };
    let run = plan.load.measured();
    if length <= run {
        return None;
    }
    let (length, run, profile) = (duration_text(length), duration_text(run), &plan.load.profile);
    let message = format!("{length} is longer than the run of {run}, so this is never judged");
    Some(
        Diagnostic::new(Rule::WindowBeyondRun, threshold.span, message)
            .label(format!("with profile `{profile}`"))
            .help("a longer run or a shorter window would be judged"),
    )
}

fn lay_out_target(target: &meaning::Target, lower: Lower<'_>, sources: &Sources) -> Target {
    let written = |span: &Span| program::fold_blanks(sources.text(*span));
    Target {
        name: target.name.as_ref().map(|name| name.value.clone()),
        url: lower.expr(&target.url),
        span: target.url.span,
        text: written(&target.url.span),
        cookies: target.cookies,
        compression: target.compression,
        proxy: target.proxy.as_ref().map(|proxy| lower.expr(proxy)),
        http: target.http,
        tls: target.tls.clone(),
        settings: target.settings.iter().map(written).collect(),
    }
}

fn lay_out(scenario: &meaning::Scenario, load: Load, seed: Seed, sources: &Sources, secrets: Option<&Secrets>) -> Plan {
    let counts = load.user_counts();
    let once = scenario.once.as_ref().map(|_| UserId(scenario.users.len() as u32));
    let share = |user: usize| f64::from(counts.get(user).copied().unwrap_or(0)) / f64::from(load.users());
    let mut variables = Variables::new(scenario);
    let constants = variables.fold_constants(scenario);
    if let Some(secrets) = secrets {
        variables.learn(scenario, secrets);
    }
    let lower = Lower { variables: &variables, in_once: false };

    let mut program = Program::new(scenario, sources, lower);
    let mut users = Vec::new();
    let mut class_starts = Vec::new();
    let mut tasks = Vec::new();
    let mut task_ids = HashMap::new();
    for (user_index, user) in scenario.users.iter().chain(&scenario.once).enumerate() {
        let class = UserId(user_index as u32);
        let of_user = |socket: &meaning::Socket| socket.name.is_some() && socket.owner == Owner::User(user_index);
        let sockets = scenario.sockets.iter().enumerate().filter(|(_, socket)| of_user(socket));
        let sockets: Vec<_> = sockets.map(|(index, _)| meaning::SocketId(index as u32)).collect();
        program.enter_class(variables.slots_of(user_index), &sockets, user_index == scenario.users.len());
        class_starts.push(program.op_count());
        let think_point = program.think_point(user);
        let pace = user
            .pace
            .as_ref()
            .map(|pace| (Delay::Fixed(lower.expr(pace)), program.statement_point(pace.span, "pace ")));
        let lets = user.lets.iter().map(|binding| program.user_let(binding)).collect();
        let on_start = (!user.on_start.is_empty()).then(|| program.block(&user.on_start));
        let on_stop = (!user.on_stop.is_empty()).then(|| program.block(&user.on_stop));
        let mut own = Vec::new();
        for (task_index, task) in user.tasks.iter().enumerate() {
            let id = TaskId(tasks.len() as u32);
            task_ids.insert((user_index, task_index), id);
            if !task.left_out {
                own.push(id);
            }
            let start = program.task(&task.body, &task.sockets);
            let (name, doc) = (task.name.value.clone(), task.doc.clone());
            tasks.push(Task { user: class, name, doc, weight: task.weight, start });
        }
        let pass = user.in_order.then(|| {
            let (user, name, start) = (class, String::new(), OpId(0));
            tasks.push(Task { user, name, doc: None, weight: 0.0, start });
            TaskId(tasks.len() as u32 - 1)
        });
        users.push(User {
            name: user.name.value.clone(),
            doc: user.doc.clone(),
            share: share(user_index),
            think: lower.delay(&user.think),
            think_point,
            pace,
            pass,
            session_per_iteration: user.session_per_iteration,
            lets,
            on_start,
            on_stop,
            tasks: own,
            user_slots: variables.user_slots(user_index),
            slots: program.slots(),
            sockets: program.open.count(),
            user_sockets: program.open.of_user(),
        });
    }

    let series = scenario.series.iter().map(|row| {
        let task_index = scenario.class(row.user).tasks.iter().position(|task| task.name.value == row.task);
        Series {
            user: UserId(row.user as u32),
            task: task_index.map(|index| task_ids[&(row.user, index)]),
            task_name: row.task.clone(),
            name: row.name.clone(),
            method: row.method.clone(),
            kind: row.kind,
        }
    });
    let thresholds = scenario.thresholds.iter().map(|threshold| Threshold {
        text: threshold.text.clone(),
        span: threshold.span,
        metric: threshold.metric,
        subject: match &threshold.subject {
            meaning::Subject::Run => Subject::Run,
            meaning::Subject::User(user) => Subject::User(UserId(*user as u32)),
            meaning::Subject::Task(user, task) => Subject::Task(task_ids[&(*user, *task)]),
            meaning::Subject::Series(rows) => Subject::Series(rows.clone()),
            meaning::Subject::Each(rows) => Subject::Each(rows.clone()),
        },
        comparison: threshold.comparison,
        limit: threshold.limit,
        when: threshold.when,
    });
    let (series, thresholds) = (series.collect(), thresholds.collect());
    let tables = program.finish();
    let lists = scenario.data.iter().filter_map(|data| match &data.rows {
        meaning::Rows::Inline(list, _) => Some(list.span),
        _ => None,
    });
    let lets = scenario.lets.iter().map(|binding| binding.value.span);
    let spans =
        scenario.secrets.iter().chain(&scenario.environment).map(|name| name.span).chain(lets).chain(lists).collect();
    let marked = variables.marked(scenario);
    let secrets = secrets::secrets(scenario, &constants, &users, &tables.ops, &class_starts, marked);
    let data = data::data(scenario, &users, &tables.ops, &class_starts);
    Plan {
        scenario: scenario.title.clone(),
        load,
        seed,
        targets: scenario.targets.iter().map(|target| lay_out_target(target, lower, sources)).collect(),
        constants,
        secrets,
        data,
        constant_spans: spans,
        users,
        once,
        tasks,
        series,
        steps: tables.steps,
        points: tables.points,
        ops: tables.ops,
        thresholds,
    }
}
