//! The parts of the page, drawn by the server.

use leptos::prelude::*;
use model::{
    ClientId, DateRange, KeyId, KeyPauses, KeyRotation, KeySources, KeySummary, OldKeySigns, Permission,
    RotationEnd, RotationPlan, RotationReport, RotationStage, RotationWait, Timestamp,
};

use super::use_words::{about, length, source_row, usage, used};
use super::{DrawnRotation, NewKey, PlanChoice};
use crate::AppError;
use crate::browser::html::Markup;
use crate::pages::key::rows_of;
use crate::ports::{CompanyAccess, SeenRotation};
use crate::ui::{
    Button, ButtonKind, Card, DialogActions, KeyValue, KeyValueList, Notice, Tone, full_time, grouped,
};

/// Addresses that the page names.
const LISTED: usize = 50;

pub(crate) async fn rotation(access: CompanyAccess, key: KeyId) -> Result<DrawnRotation, AppError> {
    let seen = access.rotations?.rotation(key).await?;
    let page = Page {
        company: access.context.client_id,
        key,
        may_rotate: access.context.role.may(Permission::ManageKeys),
        now: seen.now,
    };
    let may_reveal = access.context.role.may(Permission::RevealKeys);
    match (&seen.report, &seen.key) {
        (Some(report), _) if report.rotation.is_open() || seen.key.is_none() => Ok(DrawnRotation {
            title: title(&report.rotation),
            state: Markup::of(page.state(report)),
            new_key: may_reveal.then(|| new_key(&report.rotation)).flatten(),
            keys: Markup::of(page.keys(report)),
            forms: Markup::of(page.open_forms(report)),
            is_open: report.rotation.is_open(),
        }),
        (_, Some(key)) => Ok(DrawnRotation {
            title: format!(
                "Rotate the {} key ending {}",
                key.environment.label(),
                key.last_four
            ),
            state: seen.report.as_ref().map_or_else(Markup::default, |report| {
                Markup::of(ended(page.company, &report.rotation))
            }),
            new_key: None,
            keys: Markup::default(),
            forms: Markup::of(page.start(key, &seen)),
            is_open: true,
        }),
        _ => Err(AppError::NotFound),
    }
}

fn new_key(rotation: &KeyRotation) -> Option<NewKey> {
    rotation.is_open().then(|| NewKey {
        id: rotation.new_key,
        environment: rotation.environment,
        last_four: rotation.new_last_four.clone(),
    })
}

fn title(rotation: &KeyRotation) -> String {
    format!(
        "Rotation of the {} key ending {}",
        rotation.environment.label(),
        rotation.old_last_four
    )
}

#[derive(Clone, Copy)]
struct Page {
    company: ClientId,
    key: KeyId,
    may_rotate: bool,
    now: Timestamp,
}

impl Page {
    fn path(self, page: &str) -> String {
        format!("/c/{}/development/keys/{}/{page}", self.company, self.key)
    }

    /// Before a rotation begins.
    fn start(self, key: &KeySummary, seen: &SeenRotation) -> AnyView {
        let pauses = usage(key, &seen.pauses, "Longest pause last week", self.now);
        let form = match (self.may_rotate, &seen.cannot) {
            (false, _) => ().into_any(),
            (true, Some(why)) => {
                let why = why.clone();
                view! { <Notice tone=Tone::Info title="This key cannot be rotated now.">" " {why}</Notice> }
                    .into_any()
            }
            (true, None) => {
                let action = self.path("rotate");
                let choices = choices(&seen.pauses, PlanChoice::Later);
                view! {
                    <form class="form" method="post" action=action data-key="rotate">
                        <p>
                            "The new key gets the name, the note and the limits of this one. Both work until the old key is deleted, and it is never deleted before a request has used the new one."
                        </p>
                        {choices}
                        <DialogActions>
                            <Button kind=ButtonKind::Primary submit=true>"Make the new key"</Button>
                        </DialogActions>
                    </form>
                }
                .into_any()
            }
        };
        view! {
            <Card id="start" title="Replace this key">
                {pauses}
                {form}
            </Card>
        }
        .into_any()
    }

    /// What moves while one watches.
    fn keys(self, report: &RotationReport) -> AnyView {
        let rotation = &report.rotation;
        if let RotationStage::Ended { .. } = rotation.stage {
            return ().into_any();
        }
        let pauses = &report.pauses;
        let old = report
            .old
            .as_ref()
            .map(|old| usage(old, pauses, "Longest pause in the week before", self.now));
        let of_old = self.sources(rotation.old_key, "uses-old", &report.sources);
        let of_new = self.sources(rotation.new_key, "uses-new", &report.new_sources);
        let signing = self.signing(&report.signing);
        let (old_four, new_four) = (rotation.old_last_four.clone(), rotation.new_last_four.clone());
        let new_used = used(report.new.as_ref().and_then(|new| new.last_used.as_ref()));
        view! {
            <Card id="old-key" title=format!("Old key, ending {old_four}")>
                {old}
                {of_old}
                {signing}
            </Card>
            <Card id="new-key" title=format!("New key, ending {new_four}")>
                <KeyValueList>
                    <KeyValue name="Last call">{new_used}</KeyValue>
                </KeyValueList>
                {of_new}
            </Card>
        }
        .into_any()
    }

    /// Apart from what moves, so that nothing that is being pressed is drawn anew.
    fn open_forms(self, report: &RotationReport) -> AnyView {
        match report.rotation.stage {
            RotationStage::Ended { .. } => ().into_any(),
            _ if !self.may_rotate => ().into_any(),
            _ => self.forms(report),
        }
    }

    /// How much a key was used since then, and from where.
    fn sources(self, key: KeyId, id: &'static str, sources: &KeySources) -> AnyView {
        let company = self.company;
        let when = self.period(sources.since);
        if sources.sources.is_empty() {
            return view! { <p>"No request with it " {when} "."</p> }.into_any();
        }
        let requests = match sources.requests {
            1 => "1 request".to_owned(),
            requests => format!("{} requests", grouped(requests)),
        };
        let refused = match sources.refused {
            0 => ", none refused. ".to_owned(),
            refused => format!(", {} of them refused. ", grouped(refused)),
        };
        let rows: Vec<_> = sources
            .sources
            .iter()
            .take(LISTED)
            .map(|source| source_row(company, key, source))
            .collect();
        let more = sources.more + sources.sources.len().saturating_sub(LISTED) as u64;
        let more = (more > 0)
            .then(|| view! { <p class="muted">{format!("and {} more addresses.", grouped(more))}</p> });
        let cut = sources.looked_back_to.map(|at| {
            view! { <p class="muted">"There was no time to look further back than " {full_time(at)} "."</p> }
        });
        let all = rows_of(company, key, DateRange::Last7Days, |_| {});
        view! {
            <h3 id=id>"Who used it"</h3>
            <p>{requests} " " {when} {refused} <a href=all>"Show in Logs"</a></p>
            <div class="table-frame">
                <table class="table" aria-labelledby=id>
                    <thead>
                        <tr>
                            <th scope="col">"Address"</th>
                            <th scope="col" class="numeric">"Requests"</th>
                            <th scope="col">"Latest"</th>
                            <th scope="col">"Path"</th>
                            <th scope="col">"User agent"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {more}
            {cut}
        }
        .into_any()
    }

    /// "in the last 24 hours", or since the rotation began, if that is longer ago.
    fn period(self, since: Timestamp) -> AnyView {
        const DAY: i64 = 24 * 3_600_000;
        if self.now.millis_since(since) <= DAY + 60_000 {
            "in the last 24 hours".into_any()
        } else {
            view! { "since " {full_time(since)} }.into_any()
        }
    }

    fn state(self, report: &RotationReport) -> AnyView {
        if let RotationStage::Ended { .. } = report.rotation.stage {
            return ended(self.company, &report.rotation);
        }
        if let RotationStage::Cancelled { at, by } = &report.rotation.stage {
            let (at, by) = (*at, by.clone());
            return view! {
                <Notice tone=Tone::Hold title="This rotation is cancelled.">
                    " By " <bdi>{by}</bdi> ", on " {full_time(at)} ". Both keys work, and nothing is deleted until you resume it."
                </Notice>
            }
            .into_any();
        }
        let (tone, words) = match report.wait {
            Some(RotationWait::NewKeyUnused) => (
                Tone::Info,
                "Put the new secret where your programs read the old one. The old key is not deleted before a request has used the new key."
                    .to_owned(),
            ),
            Some(RotationWait::NewKeyEnded) => (
                Tone::Warn,
                "The new key has ended. The old key stays, because no key would be left. Give the new key another date."
                    .to_owned(),
            ),
            Some(RotationWait::Decision) => self.decision(report),
            Some(RotationWait::Moment(at)) => (
                Tone::Info,
                format!("The old key is deleted on {}.", at.to_page_text()),
            ),
            Some(RotationWait::Quiet(at)) => (
                Tone::Info,
                format!(
                    "Unless another call uses it, the old key is deleted on {}.",
                    at.to_page_text()
                ),
            ),
            Some(RotationWait::HasEnded | RotationWait::IsCancelled) => return ().into_any(),
            None => (Tone::Good, "The old key is being deleted.".to_owned()),
        };
        view! { <Notice tone=tone title="Both keys work.">" " {words}</Notice> }.into_any()
    }

    /// Whether the old key has been quiet for long enough.
    fn decision(self, report: &RotationReport) -> (Tone, String) {
        let last = report.old_last_used.as_ref().map(|used| used.at);
        let quiet = self.now.millis_since(last.unwrap_or(report.rotation.started_at));
        if quiet < report.pauses.shortest_quiet() {
            let words = "The new key is in use. Delete the old key once nothing uses it.";
            return (Tone::Info, words.to_owned());
        }
        let words = format!(
            "The new key is in use, and nothing has used the old key for {}, which is more than twice its longest pause. You can delete it.",
            about(quiet)
        );
        (Tone::Good, words)
    }

    fn forms(self, report: &RotationReport) -> AnyView {
        let action = self.path("rotation");
        let chosen = match report.rotation.plan {
            RotationPlan::Quiet(_) => PlanChoice::Quiet,
            _ => PlanChoice::Later,
        };
        let is_cancelled = matches!(report.rotation.stage, RotationStage::Cancelled { .. });
        let plans = choices(&report.pauses, chosen);
        if is_cancelled {
            return view! {
                <Card id="resume" title="Resume">
                    <form class="form" method="post" action=action data-key="resume">
                        {plans}
                        <DialogActions>
                            <Button kind=ButtonKind::Primary submit=true name="do" value="resume">
                                "Resume the rotation"
                            </Button>
                        </DialogActions>
                    </form>
                </Card>
            }
            .into_any();
        }
        let delete_now = self.delete_now(report);
        let cancel = self.path("rotation");
        view! {
            <Card id="delete-old" title="Delete the old key">
                <form class="form" method="post" action=action data-key="plan">
                    {plans}
                    <DialogActions>
                        <Button submit=true name="do" value="plan">"Save"</Button>
                    </DialogActions>
                </form>
                {delete_now}
            </Card>
            <Card id="cancel" title="Cancel" lead="Both keys stay. You can resume the rotation on this page, or delete the new key on API Keys.">
                <form method="post" action=cancel>
                    <Button submit=true name="do" value="cancel">"Cancel the rotation"</Button>
                </form>
            </Card>
        }
        .into_any()
    }

    /// The button is one step away, with what speaks against it.
    fn delete_now(self, report: &RotationReport) -> AnyView {
        if report.wait == Some(RotationWait::NewKeyUnused) {
            return view! { <p>"It cannot be deleted now: no request has used the new key."</p> }.into_any();
        }
        let action = self.path("rotation");
        let last_four = &report.rotation.old_last_four;
        let label = format!("Delete the key ending {last_four} now");
        let quiet = match &report.old_last_used {
            None => "It was never used.".to_owned(),
            Some(used) if self.now.millis_since(used.at) < report.pauses.shortest_quiet() => format!(
                "It was used {} ago, from {}. Does that program have the new secret?",
                about(self.now.millis_since(used.at)),
                used.address
            ),
            Some(used) => format!(
                "No call used it for {}. Its longest pause in the week before was at most {}.",
                about(self.now.millis_since(used.at)),
                length(report.pauses.longest)
            ),
        };
        view! {
            <details class="rotation-delete" data-key="delete-now">
                <summary>{label.clone()} "…"</summary>
                <form class="form" method="post" action=action>
                    <p>{quiet}</p>
                    <p>"Every system that still uses it loses access within seconds. This cannot be undone."</p>
                    <Button kind=ButtonKind::Danger submit=true name="do" value="now">{label}</Button>
                </form>
            </details>
        }
        .into_any()
    }

    fn signing(self, signing: &[OldKeySigns]) -> AnyView {
        if signing.is_empty() {
            return ().into_any();
        }
        let rows: Vec<_> = signing
            .iter()
            .map(|one| {
                let href = format!("/c/{}/development/webhooks/{}", self.company, one.webhook);
                let name = one.name.clone();
                let waiting = match one.pending {
                    0 => String::new(),
                    1 => ", 1 delivery is waiting".to_owned(),
                    pending => format!(", {pending} deliveries are waiting"),
                };
                view! { <li><a href=href><bdi>{name}</bdi></a> {waiting}</li> }
            })
            .collect();
        view! {
            <h3>"Webhooks that are still signed with it"</h3>
            <p>
                "A receiver that does not know the new secret yet gets the old signature as long as it accepts it. One that returns 2xx and ignores a wrong signature cannot be noticed: check those yourself."
            </p>
            <ul class="plain-list">{rows}</ul>
        }
        .into_any()
    }
}

fn choices(pauses: &KeyPauses, chosen: PlanChoice) -> AnyView {
    let quiet = length(pauses.shortest_quiet());
    let why = if pauses.shortest_quiet() > pauses.longest.saturating_mul(2) {
        "the shortest time that can be set"
    } else {
        "twice its longest pause"
    };
    let options: Vec<_> = PlanChoice::ALL
        .into_iter()
        .map(|choice| {
            let words = match choice {
                PlanChoice::Later => "When I say so".to_owned(),
                PlanChoice::InAnHour => "In 1 hour".to_owned(),
                PlanChoice::InADay => "In 24 hours".to_owned(),
                PlanChoice::InAWeek => "In 7 days".to_owned(),
                PlanChoice::Quiet => format!("After {quiet} without a call, {why}"),
            };
            view! {
                <label class="choice">
                    <input type="radio" name="plan" value=choice.name() checked=choice == chosen />
                    <span class="choice__words">
                        <span class="choice__label">{words}</span>
                    </span>
                </label>
            }
        })
        .collect();
    view! {
        <fieldset class="choices">
            <legend class="field__label">"When to delete the old key"</legend>
            <div class="choices__options">{options}</div>
        </fieldset>
    }
    .into_any()
}

fn ended(company: ClientId, rotation: &KeyRotation) -> AnyView {
    let RotationStage::Ended { at, how } = rotation.stage else {
        return ().into_any();
    };
    let (old, new) = (&rotation.old_last_four, &rotation.new_last_four);
    let (tone, deleted, rest) = match how {
        RotationEnd::Rotated => (
            Tone::Good,
            format!("The key ending {old} was deleted on "),
            format!("The key ending {new} has taken over. "),
        ),
        RotationEnd::OldKeyDeleted => (
            Tone::Info,
            format!("The key ending {old} was deleted by other means on "),
            format!("The key ending {new} stays. "),
        ),
        RotationEnd::NewKeyDeleted => (
            Tone::Info,
            format!("The new key, ending {new}, was deleted on "),
            format!("The key ending {old} stays. "),
        ),
    };
    let (gone, four) = match how {
        RotationEnd::NewKeyDeleted => (rotation.new_key, new),
        _ => (rotation.old_key, old),
    };
    let rows = rows_of(company, gone, DateRange::Last7Days, |_| {});
    let link = format!("Show the requests of the key ending {four} in Logs");
    view! {
        <Notice tone=tone title="The rotation has ended.">
            " " {deleted} {full_time(at)} ". " {rest} <a href=rows>{link}</a>
        </Notice>
    }
    .into_any()
}
