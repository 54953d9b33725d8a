//! Transactions to fill a journal with: random ones for properties, and plain ones of a chosen size.

#[path = "filings.rs"]
mod filings;

use proptest::prelude::*;
use std::net::IpAddr;
use zhengming::idn::Label;
use zhengming::registry::{
    Account, Actor, Approval, Brake, Change, ChangeId, ChangeState, DelegationSigner, Event, Hold, HoldReason, Holds,
    Jump, Leaving, Life, NameKey, NameServer, Notice, NoticeKind, Noticed, Outcome, Penalties, Penalty, PenaltyStep,
    Recent, Region, Regions, Registration, Release, Request, Reservation, Resolution, Role, Stage, Stop, TermEnd,
    Timestamp, Transaction, Unit, UnitId, UnitKind, Variants, Violation,
};

/// A transaction without events; its `note` is `octets` long.
pub fn plain(seq: u64, octets: usize) -> Transaction {
    Transaction {
        seq,
        at: Timestamp(1_795_339_469 + i64::try_from(seq).expect("small")),
        actor: Actor { principal: "registry".into(), role: Role::Operator, region: None },
        request: Request {
            operation: "hold.place".into(),
            target: "unit-1".into(),
            note: Some("正".repeat(octets / 3).into()),
            key: None,
        },
        outcome: Outcome { id: "unit-1".into(), state: "held".into(), version: seq, created: false },
        confirmed: false,
        events: Vec::new(),
        before: Vec::new(),
        serials: vec![("xn--zfr164b.".into(), 7), ("xn--zfr164b.cn.".into(), 9)],
        residual_ttl_secs: 0,
    }
}

/// Text with everything that JSON has to escape, and what could be taken for the end of a line.
fn text() -> impl Strategy<Value = Box<str>> {
    prop_oneof![
        "[ -~]{0,12}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        Just("\",\"hash\":\"\n} \u{0}\u{2028}正名".into()),
    ]
}

fn times() -> impl Strategy<Value = Timestamp> {
    prop_oneof![8 => -10_000_000_000..100_000_000_000i64, 1 => any::<i64>()].prop_map(Timestamp)
}

fn key() -> impl Strategy<Value = NameKey> {
    ("[a-z0-9]{1,20}", prop_oneof![Just("xn--zfr164b"), Just("xn--55qw42g.cn")]).prop_map(|(label, set)| NameKey {
        label: Label::from_canonical(&format!("xn--{label}")).expect("a label"),
        set: set.into(),
    })
}

fn unit_id() -> impl Strategy<Value = UnitId> {
    "[A-Za-z0-9-]{1,64}".prop_map(|id| UnitId::parse(&id).expect("an id"))
}

fn holds() -> impl Strategy<Value = Holds> {
    let hold = (times(), proptest::option::of(times()), any::<bool>(), text(), text());
    let hold = hold.prop_map(|(start, end, active, evidence, by)| Hold { start, end, active, evidence, by });
    proptest::collection::btree_map(proptest::sample::select(HoldReason::ALL.to_vec()), hold, 0..4).prop_map(Holds)
}

fn resolution() -> impl Strategy<Value = Resolution> {
    let server = (text(), proptest::collection::vec(any::<IpAddr>(), 0..3));
    let server = server.prop_map(|(host, glue)| NameServer { host, glue });
    let signer = (any::<u16>(), any::<u8>(), any::<u8>(), proptest::collection::vec(any::<u8>(), 0..40)).prop_map(
        |(key_tag, algorithm, digest_type, digest)| DelegationSigner { key_tag, algorithm, digest_type, digest },
    );
    prop_oneof![
        (proptest::collection::vec(any::<IpAddr>(), 0..4), any::<u32>(), any::<bool>())
            .prop_map(|(addresses, ttl, www)| Resolution::Addresses { addresses, ttl, www }),
        (text(), any::<u16>(), any::<bool>(), any::<u32>(), any::<bool>())
            .prop_map(|(target, code, keep_path, ttl, www)| Resolution::Forward { target, code, keep_path, ttl, www }),
        (proptest::collection::vec(server, 0..3), proptest::collection::vec(signer, 0..3), any::<u32>())
            .prop_map(|(servers, ds, ttl)| Resolution::Delegation { servers, ds, ttl }),
    ]
}

fn unit() -> impl Strategy<Value = Unit> {
    let kinds = vec![UnitKind::Organ, UnitKind::Institution, UnitKind::SocialOrganisation];
    let account = proptest::option::of(any::<u32>().prop_map(Account));
    let data = (text(), proptest::sample::select(kinds), proptest::option::of(text()), account);
    let penalty = (
        proptest::sample::select(PenaltyStep::ALL.to_vec()),
        proptest::sample::select(Violation::ALL.to_vec()),
        (text(), text(), times(), proptest::option::of(times())),
    );
    let penalty = penalty.prop_map(|(step, violation, (evidence, by, at, end))| Penalty {
        step,
        violation,
        evidence,
        by,
        at,
        end,
    });
    let penalties = proptest::collection::vec(penalty, 0..3).prop_map(Penalties);
    let site_review = proptest::option::of(filings::site_review().prop_map(Box::new));
    (unit_id(), data, (holds(), penalties, site_review), any::<u64>()).prop_map(
        |(id, (name, kind, admin_function_proof, account), (holds, penalties, site_review), version)| Unit {
            id,
            name,
            kind,
            region: Region::parse("620421").expect("a region"),
            admin_function_proof,
            holds,
            penalties,
            site_review,
            account,
            version,
        },
    )
}

fn variants() -> impl Strategy<Value = Variants> {
    let label = || proptest::option::of(key().prop_map(|key| key.label));
    (label(), label()).prop_map(|(simplified, traditional)| Variants { simplified, traditional })
}

fn registration() -> impl Strategy<Value = Registration> {
    let term = (times(), times());
    let numbers = (any::<u8>(), any::<bool>(), any::<u64>(), any::<u64>(), proptest::option::of(1..u64::MAX));
    let leaving = (proptest::sample::select(Stage::ALL.to_vec()), times());
    let leaving = proptest::option::of(leaving.prop_map(|(stage, until)| Leaving { stage, until }));
    let life = (leaving, proptest::option::of(times()), proptest::option::of(times()));
    let life = life.prop_map(|(leaving, unfreeze, migration)| Life { leaving, unfreeze, migration });
    (key(), unit_id(), term, proptest::option::of(resolution()), (holds(), life), numbers, variants()).prop_map(
        |(key, unit, (registered, expires), resolution, (holds, life), numbers, variants)| {
            let (kind, primary, resolved_by, version, pending) = numbers;
            let pending = pending.map(ChangeId);
            Registration {
                key,
                unit,
                registered,
                expires,
                kind,
                primary,
                resolution,
                resolved_by,
                holds,
                pending,
                life,
                variants,
                version,
            }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let approval = || {
        let approval = (text(), times(), any::<bool>());
        proptest::option::of(approval.prop_map(|(by, at, asserted)| Approval { by, at, asserted }))
    };
    let who = (text(), times(), approval(), approval(), proptest::option::of(text()));
    let states = proptest::sample::select(ChangeState::ALL.to_vec());
    (1..u64::MAX, key(), resolution(), who, any::<u64>(), states, any::<u64>()).prop_map(
        |(id, name, resolution, (submitter, submitted, local, central, reason), base, state, version)| Change {
            id: ChangeId(id),
            name,
            resolution,
            submitter,
            submitted,
            base,
            state,
            local,
            central,
            reason,
            version,
        },
    )
}

fn notice() -> impl Strategy<Value = Notice> {
    let kind =
        prop_oneof![any::<i32>().prop_map(NoticeKind::Term), Just(NoticeKind::Final), Just(NoticeKind::Deleted),];
    (kind, key(), unit_id(), times(), proptest::option::of(times()))
        .prop_map(|(kind, name, unit, expires, until)| Notice { kind, name, unit, expires, until })
}

fn event() -> impl Strategy<Value = Event> {
    let release = (times(), any::<u64>()).prop_map(|(until, names)| Release { until, names });
    let stop = (
        (times(), text(), any::<u64>(), any::<u64>()),
        proptest::option::of(text()),
        any::<bool>(),
        proptest::option::of(release),
    )
        .prop_map(|((since, set, names, total), protected, batch, release)| Stop {
            since,
            set,
            names,
            total,
            protected,
            batch,
            release,
        });
    let minutes = proptest::collection::vec((times(), any::<u64>()), 0..4).prop_map(Recent);
    let recent = proptest::collection::btree_map(text(), minutes, 0..3);
    let jump = (times(), times()).prop_map(|(since, shown)| Jump { since, shown });
    let brake = (proptest::option::of(stop), recent, proptest::option::of(jump))
        .prop_map(|(stop, recent, jump)| Brake { stop, recent, jump });
    prop_oneof![
        unit().prop_map(Event::Unit),
        registration().prop_map(Event::Name),
        (key(), unit_id(), variants()).prop_map(|(key, unit, variants)| Event::NameRemoved { key, unit, variants }),
        (key(), proptest::collection::vec(key().prop_map(|key| key.label), 1..3))
            .prop_map(|(key, labels)| Event::VariantsEnded { key, labels }),
        change().prop_map(Event::Change),
        brake.prop_map(Event::Brake),
        filings::application().prop_map(Event::Application),
        filings::order().prop_map(Event::Order),
        filings::remittance().prop_map(Event::Remittance),
        (text(), any::<[u8; 32]>()).prop_map(|(apex, digest)| Event::ZoneLoaded { apex, digest }),
        (key(), unit_id(), times()).prop_map(|(key, unit, until)| Event::Reserved(Reservation { key, unit, until })),
        key().prop_map(|key| Event::ReservationEnded { key }),
        notice().prop_map(Event::Notice),
        filings::site_notice().prop_map(Event::SiteNotice),
        (any::<i32>(), times(), proptest::option::of(key()))
            .prop_map(|(days, at, key)| Event::Noticed(Noticed { days, upto: TermEnd { at, key } })),
    ]
}

/// Any transaction; its number is left to whoever appends it.
pub fn any_transaction() -> impl Strategy<Value = Transaction> {
    let roles = Role::TOKENS.into_iter().chain([Role::System]).collect::<Vec<_>>();
    let actor = (text(), proptest::sample::select(roles), 0..4usize).prop_map(|(principal, role, regions)| {
        let regions = ["6204", "620502", "11"].iter().take(regions);
        let regions = regions.map(|code| Region::parse(code).expect("a region")).collect();
        Actor { principal, role, region: Regions::of(regions) }
    });
    let key = proptest::option::of((text(), any::<[u8; 32]>()));
    let request = (text(), text(), proptest::option::of(text()), key);
    let request = request.prop_map(|(operation, target, note, key)| Request { operation, target, note, key });
    let outcome = (text(), text(), any::<u64>(), any::<bool>());
    let outcome = outcome.prop_map(|(id, state, version, created)| Outcome { id, state, version, created });
    let events = proptest::collection::vec(event(), 0..4);
    let serials = proptest::collection::vec((text(), any::<u32>()), 0..3);
    let before = proptest::collection::vec(any::<u64>(), 0..4);
    let rest = (any::<bool>(), before, any::<u32>());
    (times(), actor, request, outcome, events, serials, rest).prop_map(
        |(at, actor, request, outcome, events, serials, (confirmed, before, residual_ttl_secs))| Transaction {
            seq: 0,
            at,
            actor,
            request,
            outcome,
            confirmed,
            events,
            before,
            serials,
            residual_ttl_secs,
        },
    )
}
