//! Random applications, orders and remittances.

use super::{key, resolution, text, times, unit_id};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use zhengming::registry::*;

fn region() -> impl Strategy<Value = Region> {
    select(vec!["62", "620421", "620421001"]).prop_map(|code| Region::parse(code).expect("a region"))
}

fn money() -> impl Strategy<Value = Money> {
    // What twelve digits of yuan can say.
    (0..100_000_000_000_000u64).prop_map(Money)
}

fn approval() -> impl Strategy<Value = Option<Approval>> {
    of((text(), times(), any::<bool>()).prop_map(|(by, at, asserted)| Approval { by, at, asserted }))
}

pub fn application() -> impl Strategy<Value = Application> {
    let form = prop_oneof![Just(PickedForm::Nothing), key().prop_map(|key| PickedForm::Label(key.label))];
    let slot = (any::<u8>(), key(), any::<u32>(), of(form)).prop_map(|(kind, name, years, traditional)| Slot {
        kind,
        name,
        years,
        traditional,
    });
    let paper = (text(), text()).prop_map(|(paper, scan)| Paper { paper, scan });
    let contents = (select(Purpose::ALL.to_vec()), vec(slot, 0..4), resolution(), vec(paper, 0..3));
    let times = (of(times()), of(times()), times());
    let decided = (approval(), approval(), approval(), of(text()), of(1..u64::MAX), of(text()));
    let whose = (unit_id(), region(), text(), select(ApplicationState::ALL.to_vec()));
    (1..u64::MAX, whose, contents, times, decided, any::<u64>()).prop_map(
        |(id, (unit, region, submitter, state), contents, (submitted, deadline, changed), decided, version)| {
            let (purpose, slots, resolution, papers) = contents;
            let (office, local, central, reason, order, unresolved) = decided;
            let (id, order) = (ApplicationId(id), order.map(OrderId));
            Application {
                id,
                unit,
                region,
                purpose,
                slots,
                resolution,
                papers,
                submitter,
                submitted,
                state,
                deadline,
                office,
                local,
                central,
                reason,
                order,
                unresolved,
                changed,
                version,
            }
        },
    )
}

pub fn order() -> impl Strategy<Value = Order> {
    let line = (key(), select(Fee::ALL.to_vec()), any::<u32>(), money())
        .prop_map(|(name, fee, years, yearly)| OrderLine { name, fee, years, yearly });
    let confirmation = (text(), times(), text(), select(Payer::ALL.to_vec()), of(text()))
        .prop_map(|(by, at, invoice, payer, voucher)| Confirmation { by, at, invoice, payer, voucher });
    let basis = of(1..u64::MAX).prop_map(|id| match id {
        Some(id) => OrderBasis::Application(ApplicationId(id)),
        None => OrderBasis::Renewal,
    });
    let whose = (unit_id(), region(), basis, text(), select(OrderState::ALL.to_vec()));
    let paid = (of(confirmation), of(1..u64::MAX), of(text()), times());
    (1..u64::MAX, whose, vec(line, 0..4), times(), paid, any::<u64>()).prop_map(
        |(id, (unit, region, basis, by, state), lines, due, (confirmation, remittance, reason, changed), version)| {
            let (id, remittance) = (OrderId(id), remittance.map(RemittanceId));
            Order { id, unit, region, basis, lines, due, by, state, confirmation, remittance, reason, changed, version }
        },
    )
}

pub fn remittance() -> impl Strategy<Value = Remittance> {
    let made = (vec((1..u64::MAX).prop_map(OrderId), 0..4), vec(region(), 0..3), money(), text(), times());
    let stands = (select(RemittanceState::ALL.to_vec()), of((text(), times())), times(), any::<u64>());
    (1..u64::MAX, made, stands).prop_map(
        |(id, (orders, regions, amount, by, at), (state, recognised, changed, version))| Remittance {
            id: RemittanceId(id),
            orders,
            regions,
            amount,
            by,
            at,
            state,
            recognised,
            changed,
            version,
        },
    )
}

pub fn site_review() -> impl Strategy<Value = SiteReview> {
    let paper = (text(), text()).prop_map(|(paper, scan)| Paper { paper, scan });
    let what = (select(SiteReviewKind::ALL.to_vec()), select(SiteReviewState::ALL.to_vec()), any::<bool>());
    let given = (of(key()), of(text()), of(times()), of(times()), of(text()), of(times()));
    let approvals = (approval(), approval(), approval(), vec(paper, 0..3));
    (1..u64::MAX, what, given, approvals, times()).prop_map(|(id, (kind, state, missed), given, approvals, changed)| {
        let (name, submitter, submitted, deadline, reason, reminder) = given;
        let (local, central, paper, papers) = approvals;
        SiteReview {
            id: SiteReviewId(id),
            kind,
            state,
            deadline,
            missed,
            name,
            submitter,
            submitted,
            local,
            central,
            paper,
            papers,
            reason,
            changed,
            reminder,
        }
    })
}

pub fn site_notice() -> impl Strategy<Value = SiteNotice> {
    let kind = prop_oneof![
        Just(SiteNoticeKind::Asked),
        (-999..0).prop_map(SiteNoticeKind::Due),
        Just(SiteNoticeKind::Lapsed),
    ];
    let review = (1..u64::MAX).prop_map(SiteReviewId);
    (kind, unit_id(), review, select(SiteReviewState::ALL.to_vec()), times())
        .prop_map(|(kind, unit, review, state, deadline)| SiteNotice { kind, unit, review, state, deadline })
}
