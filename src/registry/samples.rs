//! Random applications, orders, remittances and reviews of sites for the tests of what keeps them.

use super::*;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

const REGIONS: [&str; 4] = ["62", "620421", "620422", "53"];

/// Any of their events. The object with number `n` is about `key(n)` alone, so that a name has one claim at a time.
pub fn event(numbers: u64, unit: fn(u64) -> UnitId, key: fn(u64) -> NameKey) -> impl Strategy<Value = Event> {
    let application = application(numbers, unit, key).prop_map(Event::Application);
    let order = order(numbers, unit, key).prop_map(Event::Order);
    prop_oneof![3 => application, 2 => order, 1 => remittance(numbers).prop_map(Event::Remittance)]
}

fn region() -> impl Strategy<Value = Region> {
    select(REGIONS.to_vec()).prop_map(|code| Region::parse(code).expect("a region"))
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..9i64).prop_map(Timestamp)
}

fn application(numbers: u64, unit: fn(u64) -> UnitId, key: fn(u64) -> NameKey) -> impl Strategy<Value = Application> {
    let approval = || of(time().prop_map(|at| Approval { by: "reviewer".into(), at, asserted: false }));
    let form = prop_oneof![Just(PickedForm::Nothing), Just(PickedForm::Label(key(1).label))];
    let what = (select(Purpose::ALL.to_vec()), (2..11u32, of(form)), any::<bool>());
    let how = (select(ApplicationState::ALL.to_vec()), of(time()), approval(), approval(), of(1..9u64));
    (0..numbers, 0..4u64, region(), what, how, 1..99u64).prop_map(move |(n, of_unit, region, what, how, version)| {
        let ((purpose, (years, traditional), papers), (state, deadline, local, central, order)) = (what, how);
        Application {
            // Even numbers; orders have the odd ones.
            id: ApplicationId(2 * n + 2),
            unit: unit(of_unit),
            region,
            purpose,
            slots: vec![Slot { kind: 1, name: key(2 * n), years, traditional }],
            resolution: Resolution::Addresses { addresses: Vec::new(), ttl: 600, www: papers },
            papers: papers.then(|| Paper { paper: "form".into(), scan: "scan-1".into() }).into_iter().collect(),
            submitter: "submitter".into(),
            submitted: deadline,
            state,
            deadline,
            office: local.clone(),
            local,
            central,
            reason: papers.then(|| "no".into()),
            order: order.map(OrderId),
            unresolved: (!papers).then(|| "loop".into()),
            changed: Timestamp(9),
            version,
        }
    })
}

fn order(numbers: u64, unit: fn(u64) -> UnitId, key: fn(u64) -> NameKey) -> impl Strategy<Value = Order> {
    let confirmation =
        (time(), select(Payer::ALL.to_vec()), any::<bool>()).prop_map(|(at, payer, voucher)| Confirmation {
            by: "admin".into(),
            at,
            invoice: if voucher { "No. 1".into() } else { "no. 12".into() },
            payer,
            voucher: voucher.then(|| "202311220001ABCDEF".into()),
        });
    let line = (2..11u32, 0..99_999u64, select(Fee::ALL.to_vec()));
    let how = (select(OrderState::ALL.to_vec()), of(confirmation), of(1..9u64), any::<bool>());
    (0..numbers, 0..4u64, region(), line, how, time(), 1..99u64).prop_map(
        move |(n, of_unit, region, (years, yearly, fee), (state, confirmation, remittance, renews), due, version)| {
            Order {
                id: OrderId(2 * n + 1),
                unit: unit(of_unit),
                region,
                basis: if renews { OrderBasis::Renewal } else { OrderBasis::Application(ApplicationId(n + 1)) },
                lines: vec![OrderLine { name: key(2 * n + 1), fee, years, yearly: Money(yearly) }],
                due,
                by: "submitter".into(),
                state,
                confirmation,
                remittance: remittance.map(RemittanceId),
                reason: (state == OrderState::Refunded).then(|| "unable".into()),
                changed: Timestamp(9),
                version,
            }
        },
    )
}

fn remittance(numbers: u64) -> impl Strategy<Value = Remittance> {
    let regions = proptest::collection::btree_set(region(), 1..3);
    let how = (select(RemittanceState::ALL.to_vec()), of(time()));
    (0..numbers, regions, 0..9999u64, how, time(), 1..99u64).prop_map(
        |(n, regions, amount, (state, recognised), at, version)| Remittance {
            id: RemittanceId(n + 1),
            orders: vec![OrderId(n + 1), OrderId(n + 2)],
            regions: regions.into_iter().collect(),
            amount: Money(amount),
            by: "admin".into(),
            at,
            state,
            recognised: recognised.map(|at| ("finance".into(), at)),
            changed: Timestamp(9),
            version,
        },
    )
}

/// A review of a unit's site, of any state and with any deadline.
pub fn site_review(name: NameKey) -> impl Strategy<Value = SiteReview> {
    let approval = || of(time().prop_map(|at| Approval { by: "reviewer".into(), at, asserted: false }));
    let what = (select(SiteReviewKind::ALL.to_vec()), select(SiteReviewState::ALL.to_vec()), any::<bool>());
    (1..9u64, what, of(time()), (approval(), approval(), approval())).prop_map(
        move |(id, (kind, state, missed), deadline, (local, central, paper))| SiteReview {
            id: SiteReviewId(id),
            kind,
            state,
            deadline,
            missed,
            name: local.is_some().then(|| name.clone()),
            submitter: local.is_some().then(|| "submitter".into()),
            submitted: deadline,
            papers: paper.iter().map(|_| Paper { paper: "letter".into(), scan: "scan-1".into() }).collect(),
            local,
            central,
            paper,
            reason: missed.then(|| "no".into()),
            changed: Timestamp(9),
            reminder: deadline.filter(|_| !missed),
        },
    )
}
