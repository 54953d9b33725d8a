//! Applications, orders and remittances: what each step takes, and what happens when something changes in between.

use crate::world::*;
use zhengming::registry::command::{Command, HoldItem, ImportItem, PenaltySpec, UnitSpec, Verdict};
use zhengming::registry::procedure::{ApplicationCommand, OrderCommand};
use zhengming::registry::*;

pub fn admin() -> Actor {
    actor("admin", Role::LocalAdmin, Some("620421"))
}

pub fn finance() -> Actor {
    actor("finance", Role::Finance, None)
}

/// The rates of the founding notices, for both suffix sets.
pub fn rates() -> Rates {
    let row = |set: &str, area, yuan| Rate { set: set.into(), area, from: at("2015-01-01"), yuan };
    let (gov, org) = ("xn--zfr164b", "xn--55qw42g");
    let rows = vec![
        row(gov, Area::Ordinary, 300),
        row(gov, Area::Poor, 100),
        row(org, Area::Ordinary, 200),
        row(org, Area::Poor, 100),
    ];
    Rates { rows, poor_areas: Vec::new() }
}

pub fn world() -> World {
    let mut world = World::new();
    world.policy.rates = rates();
    world
}

/// 靖远县教育局 and 靖远教育 with `tag` behind, for two years.
pub fn spec(world: &World, tag: &str) -> ApplicationSpec {
    let slot = |kind, name: &str| SlotSpec { kind, name: world.key(&format!("{name}{tag}.政务")), years: Some(2) };
    ApplicationSpec {
        purpose: Purpose::Site,
        slots: vec![slot(1, "靖远县教育局"), slot(2, "靖远教育")],
        resolution: addresses(&["203.0.113.5"]),
        papers: Vec::new(),
    }
}

fn create(unit: &str, spec: ApplicationSpec) -> Command {
    Command::Apply(ApplicationCommand::Create { unit: unit_id(unit), spec, submit: true })
}

pub fn review(application: ApplicationId, step: Step, verdict: Verdict) -> Command {
    Command::Apply(ApplicationCommand::Review {
        application,
        step,
        verdict,
        papers: Vec::new(),
        forms: Vec::new(),
        confirm: false,
    })
}

fn yes(application: ApplicationId, step: Step) -> Command {
    review(application, step, Verdict::Approve)
}

fn no(application: ApplicationId, step: Step) -> Command {
    review(application, step, Verdict::Reject { reason: "不规范".into() })
}

fn submit(application: ApplicationId) -> Command {
    Command::Apply(ApplicationCommand::Submit { application })
}

fn withdraw(application: ApplicationId) -> Command {
    Command::Apply(ApplicationCommand::Withdraw { application })
}

pub fn confirm(order: OrderId) -> Command {
    let invoice = order.to_string().into();
    Command::Charge(OrderCommand::Confirm { order, invoice, payer: Payer::Unit, voucher: None })
}

fn remit(orders: &[OrderId], yuan: u32) -> Command {
    Command::Charge(OrderCommand::Remit { orders: orders.to_vec(), amount: Money::from_yuan(yuan) })
}

fn refund(order: OrderId) -> Command {
    Command::Charge(OrderCommand::Refund { order, reason: "已无法办理".into() })
}

fn blacklist(unit: &str) -> Command {
    Command::PlaceHold { target: on_unit(unit), reason: HoldReason::Blacklist, spec: hold_spec(None, None) }
}

fn recognise(remittance: RemittanceId, yuan: u32) -> Command {
    Command::Charge(OrderCommand::Recognise { remittance, amount: Money::from_yuan(yuan) })
}

fn take_back(remittance: RemittanceId) -> Command {
    Command::Charge(OrderCommand::TakeBack { remittance })
}

fn renewal(world: &World, names: &[&str], years: u32) -> Command {
    let names = names.iter().map(|name| world.key(name)).collect();
    Command::Charge(OrderCommand::Renewal { unit: unit_id("u1"), names, years })
}

fn applied(world: &mut World, spec: ApplicationSpec) -> ApplicationId {
    ApplicationId::parse(&world.does(&submitter(), create("u1", spec)).outcome.id).unwrap()
}

/// An application that has passed both reviews, and its order.
fn passed(world: &mut World, spec: ApplicationSpec) -> (ApplicationId, OrderId) {
    let id = applied(world, spec);
    world.does(&local(), yes(id, Step::Local));
    world.does(&central(), yes(id, Step::Central));
    (id, world.memory.applications[&id].order.unwrap())
}

fn paid(world: &mut World, spec: ApplicationSpec) -> (ApplicationId, OrderId) {
    let (id, order) = passed(world, spec);
    world.does(&admin(), confirm(order));
    (id, order)
}

fn sent(world: &mut World, orders: &[OrderId], yuan: u32) -> RemittanceId {
    RemittanceId::parse(&world.does(&admin(), remit(orders, yuan)).outcome.id).unwrap()
}

fn state(world: &World, id: ApplicationId) -> ApplicationState {
    world.memory.applications[&id].state
}

#[test]
fn names_under_way_are_nobody_elses_until_they_are_let_go() {
    let mut world = world();
    let first = spec(&world, "");
    let id = applied(&mut world, first.clone());
    world.put_unit("u3", UnitKind::Organ);
    let claimed = (Code::NameClaimed, "slots[0].name".into());
    assert_eq!(world.refuses(&submitter(), create("u3", first.clone())), claimed);
    assert_eq!(world.refuses(&submitter(), create("u1", first.clone())), claimed);
    let key = first.slots[1].name.clone();
    let put = Command::PutName { key: key.clone(), spec: name_spec("u3", Some(2)) };
    assert_eq!(world.refuses(&operator(), put.clone()).0, Code::NameClaimed);
    let line = world.import_line("靖远教育.政务");
    assert_eq!(world.import(vec![line]).unwrap_err().first().code, Code::NameClaimed);
    // Rejected, the names are free; handed in again, they have to be.
    world.does(&local(), no(id, Step::Local));
    world.does(&operator(), put);
    assert_eq!(world.refuses(&submitter(), submit(id)), (Code::NameOfOtherUnit, "slots[1].name".into()));
    world.does(&operator(), Command::DeleteName { key });
    world.does(&submitter(), submit(id));
    assert_eq!(state(&world, id), ApplicationState::LocalReview);
    world.does(&submitter(), withdraw(id));
    applied(&mut world, first);
}

#[test]
fn an_office_in_front_is_a_fourth_person() {
    let mut world = world();
    world.policy.review.office_regions = vec![Region::parse("62").unwrap()];
    let id = {
        let spec = spec(&world, "");
        applied(&mut world, spec)
    };
    assert_eq!(state(&world, id), ApplicationState::OfficeReview);
    assert_eq!(world.refuses(&local(), yes(id, Step::Local)).0, Code::OfficeReviewFirst);
    assert_eq!(world.refuses(&central(), yes(id, Step::Central)).0, Code::OfficeReviewFirst);
    let same = actor("submitter", Role::LocalReviewer, None);
    assert_eq!(world.refuses(&same, yes(id, Step::Office)).0, Code::SamePrincipal);
    let office = actor("office", Role::LocalReviewer, Some("62"));
    world.does(&office, yes(id, Step::Office));
    assert_eq!(world.refuses(&office, yes(id, Step::Local)).0, Code::SamePrincipal);
    world.does(&local(), yes(id, Step::Local));
    for name in ["office", "local", "submitter"] {
        let reviewer = actor(name, Role::CentralReviewer, None);
        assert_eq!(world.refuses(&reviewer, yes(id, Step::Central)).0, Code::SamePrincipal, "{name}");
    }
    // A rejection at the last level begins everything anew.
    world.does(&central(), no(id, Step::Central));
    world.does(&submitter(), submit(id));
    let application = &world.memory.applications[&id];
    assert_eq!((application.state, &application.local), (ApplicationState::OfficeReview, &None));
}

#[test]
fn chinese_refusals_call_roles_and_states_by_their_words() {
    let mut world = world();
    let (_, order) = {
        let spec = spec(&world, "");
        passed(&mut world, spec)
    };
    let told = world.ask(&submitter(), &confirm(order)).unwrap_err().first().zh.clone();
    assert_eq!(&*told, "提交人（submitter）无权执行此操作，请由编办管理员（local-admin）办理。");
    let told = world.ask(&admin(), &remit(&[order], 1200)).unwrap_err().first().zh.clone();
    assert!(told.contains("的状态为待缴费（awaiting_fee），"), "{told}");
}

/// A level that is over, or that there is none of, says who decides next.
#[test]
fn a_level_out_of_turn_says_which_one_decides() {
    let mut world = world();
    let id = {
        let spec = spec(&world, "");
        applied(&mut world, spec)
    };
    let told = |world: &mut World, step, words: [&str; 2]| {
        let told = world.ask(&local(), &yes(id, step)).unwrap_err().first().clone();
        assert_eq!((told.code, told.field.as_deref()), (Code::ApplicationNotPending, Some("level")));
        assert!(told.en.contains(words[0]) && told.zh.contains(words[1]), "{told:?}");
        assert!(told.zh.contains("（"), "states are words: {}", told.zh);
    };
    told(&mut world, Step::Office, ["no government office approves", "不设政府办公厅"]);
    told(&mut world, Step::Office, ["with level local", "level 填写 local"]);
    world.does(&local(), yes(id, Step::Local));
    told(&mut world, Step::Local, ["the level local has approved already", "初审（local）已通过"]);
    told(&mut world, Step::Local, ["with level central", "状态为待复审（central_review）"]);
}

#[test]
fn papers_are_ticked_before_the_first_review_passes() {
    let mut world = world();
    world.policy.review.papers = vec!["form".into(), "certificate".into()];
    let paper = |paper: &str| Paper { paper: paper.into(), scan: format!("scan-{paper}").into() };
    let id = {
        let spec = ApplicationSpec { papers: vec![paper("form")], ..spec(&world, "") };
        applied(&mut world, spec)
    };
    assert_eq!(world.refuses(&local(), yes(id, Step::Local)), (Code::PapersIncomplete, "papers".into()));
    // Each that is missing is named.
    let mut without = world.clone();
    without.policy.review.papers = vec!["certificate".into(), "form".into(), "letter".into()];
    let told = without.ask(&local(), &yes(id, Step::Local)).unwrap_err().first().clone();
    assert!(told.en.contains("are missing: certificate, letter;"), "{}", told.en);
    assert!(told.zh.contains("缺少材料：certificate、letter，"), "{}", told.zh);
    let ticked = ApplicationCommand::Review {
        application: id,
        step: Step::Local,
        verdict: Verdict::Approve,
        papers: vec![paper("certificate")],
        forms: Vec::new(),
        confirm: false,
    };
    world.does(&local(), Command::Apply(ticked));
    assert_eq!(world.memory.applications[&id].papers, [paper("certificate"), paper("form")]);
    // Ten working days where papers are asked for, two weeks and a day from Sunday.
    let deadline = {
        let spec = spec(&world, "二");
        applied(&mut world, spec)
    };
    let deadline = world.memory.applications[&deadline].deadline;
    assert_eq!(deadline, Some(Timestamp::parse_end("2026-12-04").unwrap()));
}

#[test]
fn the_rate_is_that_of_the_day_the_amount_became_due() {
    let mut world = world();
    world.policy.rates.rows.push(Rate {
        set: "xn--zfr164b".into(),
        area: Area::Ordinary,
        from: at("2027-01-01"),
        yuan: 500,
    });
    let (_, order) = {
        let spec = spec(&world, "");
        passed(&mut world, spec)
    };
    let late = {
        let spec = spec(&world, "二");
        applied(&mut world, spec)
    };
    world.now = at("2027-01-04T02:00:00Z");
    let years = vec![(world.key("靖远教育.政务"), 4)];
    world.does(&admin(), Command::Charge(OrderCommand::ChangeYears { order, years }));
    assert_eq!(world.memory.orders[&order].amount(), Money::from_yuan(2 * 300 + 4 * 300));
    world.does(&local(), yes(late, Step::Local));
    world.does(&central(), yes(late, Step::Central));
    let order = world.memory.applications[&late].order.unwrap();
    assert_eq!(world.memory.orders[&order].amount(), Money::from_yuan(4 * 500));
    // A poor area on the day.
    world.policy.rates.poor_areas =
        vec![PoorArea { region: Region::parse("6204").unwrap(), from: at("2027-01-01"), until: None }];
    let (_, order) = {
        let spec = spec(&world, "三");
        passed(&mut world, spec)
    };
    assert_eq!(world.memory.orders[&order].amount(), Money::from_yuan(4 * 100));
    world.policy.rates.rows.clear();
    let none = create("u1", spec(&world, "四"));
    assert_eq!(world.refuses(&submitter(), none).0, Code::RateMissing);
}

#[test]
fn a_batch_is_consumed_whole_or_not_at_all() {
    let mut world = world();
    world.put_unit("u3", UnitKind::Organ);
    let (first, one) = {
        let spec = spec(&world, "");
        paid(&mut world, spec)
    };
    let second = {
        let spec = spec(&world, "二");
        world.does(&submitter(), create("u3", spec))
    };
    let second = ApplicationId::parse(&second.outcome.id).unwrap();
    world.does(&local(), yes(second, Step::Local));
    world.does(&central(), yes(second, Step::Central));
    let two = world.memory.applications[&second].order.unwrap();
    world.does(&admin(), confirm(two));
    let remittance = sent(&mut world, &[one, two], 2400);
    let listed =
        Command::PlaceHold { target: on_unit("u3"), reason: HoldReason::Blacklist, spec: hold_spec(None, None) };
    world.does(&operator(), listed);
    let obstacle = (Code::OrderImpossible, "orders[1]".to_owned());
    assert_eq!(world.refuses(&finance(), recognise(remittance, 2400)), obstacle);
    // Taken back, and sent on without the one in the way.
    world.does(&admin(), take_back(remittance));
    assert_eq!(
        (state(&world, first), state(&world, second)),
        (ApplicationState::FeeConfirmed, ApplicationState::FeeConfirmed)
    );
    let remittance = sent(&mut world, &[one], 1200);
    world.does(&finance(), recognise(remittance, 1200));
    assert_eq!(
        (state(&world, first), state(&world, second)),
        (ApplicationState::Registered, ApplicationState::FeeConfirmed)
    );
    assert!(
        world.memory.resolves(&world.key("靖远县教育局.政务")) && world.memory.resolves(&world.key("靖远教育.政务"))
    );
    // A confirmed fee is given back by an operator only.
    assert_eq!(world.refuses(&submitter(), withdraw(second)).0, Code::ApplicationNotPending);
    assert_eq!(world.refuses(&admin(), withdraw(second)).0, Code::ApplicationNotPending);
    world.does(&operator(), withdraw(second));
    assert_eq!(world.memory.orders[&two].state, OrderState::Withdrawn);
}

/// R56: nothing is paid for that recognition would refuse, and what was paid before comes out again.
#[test]
fn a_blacklisted_units_money_is_not_stuck() {
    use ApplicationState::{Registered, Withdrawn};
    let mut world = world();
    world.put_unit("u3", UnitKind::Organ);
    let begin = |world: &mut World, unit: &str, tag: &str| {
        let created = create(unit, spec(world, tag));
        let id = ApplicationId::parse(&world.does(&submitter(), created).outcome.id).unwrap();
        world.does(&local(), yes(id, Step::Local));
        id
    };
    let due = |world: &mut World, unit: &str, tag: &str| {
        let id = begin(world, unit, tag);
        world.does(&central(), yes(id, Step::Central));
        (id, world.memory.applications[&id].order.unwrap())
    };
    let under_review = begin(&mut world, "u1", "一");
    let (unpaid, unpaid_order) = due(&mut world, "u1", "二");
    let (paid, paid_order) = due(&mut world, "u1", "三");
    let (sent_one, sent_order) = due(&mut world, "u1", "四");
    let (other, other_order) = due(&mut world, "u3", "五");
    for order in [paid_order, sent_order, other_order] {
        world.does(&admin(), confirm(order));
    }
    let remittance = sent(&mut world, &[sent_order, other_order], 2400);
    // A table of labels that has changed keeps a fee from being taken.
    world.occupied.insert(world.key("靖远教育二.政务"));
    assert_eq!(world.refuses(&admin(), confirm(unpaid_order)), (Code::OrderImpossible, String::new()));
    world.occupied.clear();

    world.does(&operator(), blacklist("u1"));
    let reason = Some("BLACKLIST: case-1".into());
    for id in [under_review, unpaid] {
        let application = &world.memory.applications[&id];
        assert_eq!((application.state, &application.reason), (Withdrawn, &reason));
    }
    assert_eq!(world.memory.orders[&unpaid_order].state, OrderState::Withdrawn);
    assert_eq!(world.memory.claim(&world.key("靖远教育一.政务")), Ok(None), "the names are free for others");
    let refused = world.refuses(&admin(), remit(&[paid_order], 1200));
    assert_eq!(refused, (Code::OrderImpossible, "orders[0]".to_owned()));
    let refusals = world.ask(&finance(), &recognise(remittance, 2400)).unwrap_err();
    let first = refusals.first();
    assert_eq!((first.code, first.field.as_deref()), (Code::OrderImpossible, Some("orders[0]")));
    assert!(first.en.contains(&format!("carried out: {sent_order} (unit_blacklisted).")), "{}", first.en);
    assert!(!first.en.contains(&other_order.to_string()), "{}", first.en);

    assert_eq!(world.refuses(&admin(), refund(sent_order)).0, Code::RoleForbidden);
    let no_reason = Command::Charge(OrderCommand::Refund { order: sent_order, reason: " ".into() });
    assert_eq!(world.refuses(&finance(), no_reason).0, Code::ReasonRequired);
    world.does(&finance(), refund(sent_order));
    world.does(&finance(), refund(paid_order));
    assert_eq!(world.refuses(&finance(), refund(paid_order)).0, Code::OrderNotPending);
    // All of it has arrived, and what is left of it is registered.
    let refusals = world.ask(&finance(), &recognise(remittance, 1200)).unwrap_err();
    let first = refusals.first();
    assert_eq!(first.code, Code::AmountMismatch);
    assert!(first.en.starts_with("2400.00 yuan were sent, and 1200.00 of them are refunded"), "{}", first.en);
    world.does(&finance(), recognise(remittance, 2400));
    let states = [paid, sent_one, other].map(|id| state(&world, id));
    assert_eq!(states, [Withdrawn, Withdrawn, Registered]);
    let orders = [paid_order, sent_order, other_order].map(|id| world.memory.orders[&id].state);
    assert_eq!(orders, [OrderState::Refunded, OrderState::Refunded, OrderState::Consumed]);
    assert_eq!(world.memory.orders[&sent_order].remittance, Some(remittance));
}

/// A refunded order stays where it is when its remittance is taken back.
#[test]
fn a_remittance_without_a_refunded_order_can_be_taken_back() {
    let mut world = world();
    let [(_, one), (_, two)] = ["一", "二"].map(|tag| {
        let spec = spec(&world, tag);
        paid(&mut world, spec)
    });
    let remittance = sent(&mut world, &[one, two], 2400);
    world.does(&operator(), refund(one));
    world.does(&admin(), take_back(remittance));
    let states = [one, two].map(|id| world.memory.orders[&id].state);
    assert_eq!(states, [OrderState::Refunded, OrderState::Confirmed]);
    let again = sent(&mut world, &[two], 1200);
    world.does(&finance(), recognise(again, 1200));
}

/// A list of holds, the clock and the third penalty end what a unit has under way as one hold does.
#[test]
fn every_way_onto_the_blacklist_ends_what_is_under_way() {
    type Way = fn(&mut World);
    let list: Way = |world| {
        let place = Some(hold_spec(None, None));
        let item = HoldItem { target: on_unit("u1"), reason: HoldReason::Blacklist, place };
        world.does(&operator(), Command::HoldList { items: vec![(1, item)] });
    };
    let clock: Way = |world| {
        let start = Some(Timestamp(world.now.0 + 60));
        let (target, reason) = (on_unit("u1"), HoldReason::Blacklist);
        world.does(&operator(), Command::PlaceHold { target, reason, spec: hold_spec(start, None) });
        world.now.0 += 60;
        world.tick();
    };
    let ladder: Way = |world| {
        for step in PenaltyStep::ALL {
            let end = (step == PenaltyStep::Suspension).then(|| Timestamp::parse_end("2026-12-01").unwrap());
            let end = end.map(|end| Timestamp(end.0 + 1));
            let spec = PenaltySpec { violation: Violation::Other, evidence: "case-1".into(), end };
            world.does(&operator(), Command::Penalise { unit: unit_id("u1"), step, spec });
        }
    };
    for way in [list, clock, ladder] {
        let mut world = world();
        world.register("靖远县水务局.政务");
        let (id, order) = {
            let spec = spec(&world, "");
            passed(&mut world, spec)
        };
        let renewed = renewal(&world, &["靖远县水务局.政务"], 2);
        let renewed = OrderId::parse(&world.does(&submitter(), renewed).outcome.id).unwrap();
        way(&mut world);
        assert_eq!(state(&world, id), ApplicationState::Withdrawn);
        assert_eq!(world.memory.orders[&order].state, OrderState::Withdrawn);
        // What is deleted is not renewed; what is only held may be.
        let is_deleted = !world.memory.units[&unit_id("u1")].penalties.0.is_empty();
        let expected = if is_deleted { OrderState::Withdrawn } else { OrderState::AwaitingFee };
        assert_eq!(world.memory.orders[&renewed].state, expected);
    }
}

/// Where a unit is now says who decides on what it has under way, and who sees it.
#[test]
fn orders_follow_their_unit_into_another_region() {
    let mut world = world();
    let (id, order) = {
        let spec = spec(&world, "");
        passed(&mut world, spec)
    };
    let (_, other) = {
        let spec = spec(&world, "二");
        paid(&mut world, spec)
    };
    let remittance = sent(&mut world, &[other], 1200);
    let region = Region::parse("620521").unwrap();
    let spec = UnitSpec { region: region.clone(), ..unit_spec(UnitKind::Organ) };
    world.does(&operator(), Command::PutUnit { id: unit_id("u1"), spec });
    assert_eq!(world.memory.applications[&id].region, region);
    assert_eq!(world.memory.orders[&order].region, region);
    assert_eq!(world.memory.remittances[&remittance].regions, [region]);
    assert_eq!(world.refuses(&admin(), confirm(order)).0, Code::RegionForeign);
    let near = actor("near", Role::LocalAdmin, Some("6205"));
    world.does(&near, confirm(order));
    let far = actor("far", Role::Finance, Some("6204"));
    assert_eq!(world.refuses(&far, recognise(remittance, 1200)).0, Code::RegionForeign);
    let finance = actor("finance", Role::Finance, Some("6205"));
    world.does(&finance, recognise(remittance, 1200));
}

#[test]
fn a_held_units_names_are_registered_and_stay_dark() {
    let mut world = world();
    let (id, order) = {
        let spec = spec(&world, "");
        paid(&mut world, spec)
    };
    let remittance = sent(&mut world, &[order], 1200);
    let hold = |reason| Command::PlaceHold { target: on_unit("u1"), reason, spec: hold_spec(None, None) };
    world.does(&operator(), hold(HoldReason::Legal));
    world.does(&finance(), recognise(remittance, 1200));
    assert_eq!(state(&world, id), ApplicationState::Registered);
    let key = world.key("靖远教育.政务");
    assert!(world.memory.names.contains_key(&key) && !world.memory.resolves(&key));
}

#[test]
fn what_cannot_be_registered_any_more_is_named_by_its_order() {
    let mut world = world();
    let (_, order) = {
        let spec = spec(&world, "");
        paid(&mut world, spec)
    };
    let remittance = sent(&mut world, &[order], 1200);
    world.occupied.insert(world.key("靖远教育.政务"));
    assert_eq!(world.refuses(&finance(), recognise(remittance, 1200)), (Code::OrderImpossible, "orders[0]".to_owned()));
    world.occupied.clear();
    world.does(&finance(), recognise(remittance, 1200));
    assert_eq!(world.refuses(&finance(), recognise(remittance, 1200)).0, Code::RemittanceNotPending);
}

#[test]
fn a_plan_that_became_impossible_leaves_the_names_without_one() {
    let mut world = world();
    world.register("靖远县水务局.政务");
    let plan = ApplicationSpec { resolution: forward("https://www.靖远县水务局.政务/"), ..spec(&world, "") };
    let (id, order) = paid(&mut world, plan);
    let remittance = sent(&mut world, &[order], 1200);
    let name = world.key("靖远县水务局.政务");
    let asserted = both("r-1", "r-2");
    world.does(&operator(), Command::Submit { name, resolution: forward("https://elsewhere.example/"), asserted });
    world.does(&finance(), recognise(remittance, 1200));
    let application = &world.memory.applications[&id];
    assert!(application.unresolved.as_deref().is_some_and(|why| why.starts_with("target_loop")), "{application:?}");
    let name = &world.memory.names[&world.key("靖远教育.政务")];
    assert_eq!((&name.resolution, name.resolved_by), (&None, 0));
}

#[test]
fn two_applications_of_one_batch_do_not_forward_to_each_other() {
    let mut world = world();
    let to = |tag: &str| forward(&format!("https://{}/", world.key(&format!("靖远教育{tag}.政务"))));
    let (first, second) = (to("乙"), to("甲"));
    let (_, one) = {
        let spec = ApplicationSpec { resolution: first, ..spec(&world, "甲") };
        paid(&mut world, spec)
    };
    let (id, two) = {
        let spec = ApplicationSpec { resolution: second, ..spec(&world, "乙") };
        paid(&mut world, spec)
    };
    let remittance = sent(&mut world, &[one, two], 2400);
    world.does(&finance(), recognise(remittance, 2400));
    assert!(world.memory.applications[&id].unresolved.is_some());
    assert!(world.memory.names[&world.key("靖远教育甲.政务")].resolution.is_some());
    assert!(world.memory.names[&world.key("靖远教育乙.政务")].resolution.is_none());
}

#[test]
fn a_renewal_is_open_once_and_never_beyond_ten_years() {
    let mut world = world();
    let key = world.register("靖远县水务局.政务");
    world.register("靖远县财政局.政务");
    let both = ["靖远县财政局.政务", "靖远县水务局.政务"];
    assert_eq!(world.refuses(&submitter(), renewal(&world.clone(), &both, 9)), (Code::TermInvalid, "names[0]".into()));
    let before = world.memory.names[&key].expires;
    let order = OrderId::parse(&world.does(&submitter(), renewal(&world.clone(), &both, 8)).outcome.id).unwrap();
    assert_eq!(world.memory.orders[&order].amount(), Money::from_yuan(2 * 8 * 300));
    assert_eq!(world.refuses(&submitter(), renewal(&world.clone(), &both[1..], 2)).0, Code::NameClaimed);
    assert_eq!(world.refuses(&operator(), Command::Renew { key: key.clone(), years: 2 }).0, Code::NameClaimed);
    let fewer = vec![(key.clone(), 3)];
    world.does(&admin(), Command::Charge(OrderCommand::ChangeYears { order, years: fewer }));
    world.does(&admin(), confirm(order));
    let remittance = sent(&mut world, &[order], (8 + 3) * 300);
    // Nobody deletes it now; if it goes by an import all the same, the whole remittance waits.
    let mut other = world.clone();
    assert_eq!(other.refuses(&operator(), Command::DeleteName { key: key.clone() }).0, Code::NameClaimed);
    other.does(&operator(), Command::RemoveImported { key: key.clone() });
    assert_eq!(other.refuses(&finance(), recognise(remittance, 3300)), (Code::OrderImpossible, "orders[0]".to_owned()));
    other.does(&finance(), refund(order));
    other.does(&finance(), recognise(remittance, 3300));
    world.does(&finance(), recognise(remittance, 3300));
    assert_eq!(world.memory.names[&key].expires, before.add_years(3));
    assert_eq!(world.memory.claim(&key), Ok(None));
    world.does(&submitter(), renewal(&world.clone(), &both[1..], 2));
}

#[test]
fn every_unit_has_an_account_of_its_own_and_keeps_it() {
    let mut world = world();
    for n in 0..200 {
        world.put_unit(&format!("unit-{n}"), UnitKind::Organ);
    }
    let accounts: std::collections::BTreeSet<Account> = world.memory.units.values().filter_map(|u| u.account).collect();
    assert_eq!(accounts.len(), world.memory.units.len());
    assert!(accounts.iter().all(|account| account.to_string().len() == 8));
    let before = world.memory.units[&unit_id("u1")].account;
    let renamed = UnitSpec { name: "靖远县教育和体育局".into(), ..unit_spec(UnitKind::Organ) };
    world.does(&operator(), Command::PutUnit { id: unit_id("u1"), spec: renamed });
    assert_eq!(world.memory.units[&unit_id("u1")].account, before);
    // One that comes from the system before keeps its own, if it is free.
    let line = |id: &str, account: Option<Account>| {
        let spec = unit_spec(UnitKind::Organ);
        let item = ImportItem::Unit {
            id: unit_id(id),
            spec,
            holds: Holds::default(),
            penalties: Penalties::default(),
            site_review: None,
            account,
        };
        Command::Import { items: vec![(1, item)] }
    };
    world.does(&operator(), line("old", Account::parse("12345678")));
    assert_eq!(world.memory.units[&unit_id("old")].account, Some(Account(12_345_678)));
    for (id, account) in [("new", "12345678"), ("old", "12345679")] {
        let refused = world.refuses(&operator(), line(id, Account::parse(account)));
        assert_eq!(refused, (Code::UnitInvalid, "unit.account".into()), "{id}");
    }
}
