//! An event hub: may it be read, what does it have, who owns its partitions, and when did its last event arrive?

use time::OffsetDateTime;

use super::store::Owners;
use super::{Report, Step};
use crate::source::event_hub::{Cause, Probe, Probed, Refusal};

/// The steps for each event hub.
pub(super) const STEPS: [Step; 6] = [
    Step::Rights,
    Step::EventHub,
    Step::Partitions,
    Step::ConsumerGroup,
    Step::Owner,
    Step::LastEvent,
];

/// What opening a link to a partition has shown.
type Read = (String, Result<(), Refusal>);

pub(super) async fn check(
    probe: &Probe,
    event_hub: &str,
    consumer_group: &str,
    owners: &Owners,
    report: &mut Report<'_>,
) {
    let probed = match probe.open(event_hub).await {
        Ok(probed) => probed,
        Err(refusal) => return refused(event_hub, &refusal, report),
    };
    let reads = probe.read(event_hub, &probed).await;
    let of_cause = |cause| {
        let mut refusals = reads.iter().filter_map(|(_, read)| read.as_ref().err());
        refusals.find(|refusal| refusal.cause == cause)
    };
    let unauthorized = of_cause(Cause::Unauthorized).map(|refusal| refusal.text.clone());
    let may_read = unauthorized.map_or(Ok("events may be read"), Err);
    let may_read = report.add(Step::Rights, event_hub, may_read);
    describe(event_hub, &probed, report);
    let group = [Step::ConsumerGroup, Step::Owner];
    if !may_read {
        report.skip(&group, event_hub, "events may not be read");
    } else if let Some(missing) = of_cause(Cause::NotFound) {
        report.fail(Step::ConsumerGroup, event_hub, missing.text.clone());
        report.skip(&[Step::Owner], event_hub, "there is no such consumer group");
    } else {
        let text = format!("`{consumer_group}` exists");
        report.ok(Step::ConsumerGroup, event_hub, text);
        let found = owner(event_hub, consumer_group, &reads, owners);
        report.add(Step::Owner, event_hub, found);
    }
    let last = probe.last_events(event_hub, &probed).await;
    let found = last.map(|last| last_event(&last, OffsetDateTime::now_utc()));
    report.add(
        Step::LastEvent,
        event_hub,
        found.map_err(|refusal| refusal.text),
    );
    probed.close().await;
}

/// The event hub has not described itself: which step that is depends on the cause.
fn refused(event_hub: &str, refusal: &Refusal, report: &mut Report<'_>) {
    let (failed, why) = match refusal.cause {
        Cause::Unauthorized => (Step::Rights, "access is refused"),
        Cause::NotFound => (Step::EventHub, "there is no such event hub"),
        _ => (Step::EventHub, "the event hub does not answer"),
    };
    for step in STEPS {
        if step == failed {
            report.fail(step, event_hub, refusal.text.clone());
        } else {
            report.skip(&[step], event_hub, why);
        }
    }
}

fn describe(event_hub: &str, probed: &Probed, report: &mut Report<'_>) {
    report.ok(Step::EventHub, event_hub, "exists");
    let ids = &probed.partitions;
    let found = format!("{}: {}", ids.len(), ids.join(", "));
    report.ok(Step::Partitions, event_hub, found);
}

/// A link without an owner level is refused where there is one with an owner level: so an owner shows, and is not displaced.
fn owner(
    event_hub: &str,
    consumer_group: &str,
    reads: &[Read],
    owners: &Owners,
) -> Result<String, String> {
    let mut owned = Vec::new();
    for (partition, read) in reads {
        match read {
            Ok(()) => {}
            Err(refusal) if refusal.cause == Cause::Stolen => owned.push(partition.as_str()),
            Err(refusal) => return Err(format!("partition {partition}: {}", refusal.text)),
        }
    }
    let is_known = |partition: &&str| match owners {
        Owners::Unknown => false,
        Owners::Exporter => true,
        Owners::Leases(leases) => {
            leases.contains_key(&(event_hub.to_owned(), (*partition).to_owned()))
        }
    };
    let (known, strange): (Vec<_>, Vec<_>) = owned.into_iter().partition(is_known);
    if !strange.is_empty() {
        return Err(format!(
            "another receiver owns the partitions {} in consumer group `{consumer_group}`: if it is not this exporter, stop \
             it, or give this exporter a consumer group of its own (`event_hub.consumer_group`)",
            strange.join(", ")
        ));
    }
    Ok(match (known.is_empty(), owners) {
        (true, _) => format!("nobody owns a partition (of {})", reads.len()),
        (false, Owners::Leases(_)) => {
            format!(
                "the partitions {} are owned by replicas with leases",
                known.join(", ")
            )
        }
        (false, _) => format!(
            "the partitions {} are owned by the exporter that uses the checkpoint file",
            known.join(", ")
        ),
    })
}

fn last_event(last: &[(String, OffsetDateTime)], now: OffsetDateTime) -> String {
    let Some((partition, at)) = last.iter().max_by_key(|(_, at)| *at) else {
        return "none has ever arrived: if ACS is in use, check that a diagnostic setting of its resource leads here".to_owned();
    };
    let age = std::time::Duration::from_secs((now - *at).whole_seconds().max(0).unsigned_abs());
    format!(
        "{} ago, in partition {partition}",
        humantime::format_duration(age)
    )
}
