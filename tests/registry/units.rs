//! Units: data, versions, and kinds against suffixes (R1, R2, R4).

use crate::world::*;
use zhengming::registry::command::{Command, UnitSpec};
use zhengming::registry::unit::{PROOF_LEN_MAX, UNIT_NAME_LEN_MAX};
use zhengming::registry::*;

fn put(id: &str, spec: UnitSpec) -> Command {
    Command::PutUnit { id: unit_id(id), spec }
}

#[test]
fn a_unit_is_created_then_replaced_and_keeps_its_holds() {
    let mut world = World::new();
    let created = world.does(&operator(), put("u3", unit_spec(UnitKind::Organ)));
    assert!(created.outcome.created);
    assert_eq!(&*created.outcome.state, "active");
    let target = on_unit("u3");
    let hold = Command::PlaceHold { target, reason: HoldReason::Legal, spec: hold_spec(None, None) };
    assert_eq!(&*world.does(&operator(), hold).outcome.state, "held");
    let spec = UnitSpec { name: "靖远县财政局".into(), ..unit_spec(UnitKind::Organ) };
    let replaced = world.does(&operator(), put("u3", spec.clone()));
    assert!(!replaced.outcome.created);
    let unit = &world.memory.units[&unit_id("u3")];
    assert_eq!((&*unit.name, unit.holds.effective()), ("靖远县财政局", Some(HoldReason::Legal)));
    // The same again changes nothing and keeps the version.
    let again = world.does(&operator(), put("u3", spec));
    assert_eq!((again.events, again.outcome.version), (Vec::new(), replaced.outcome.version));
}

#[test]
fn bad_data_are_refused_by_field() {
    let mut world = World::new();
    let spec = || unit_spec(UnitKind::Organ);
    for (spec, field) in [
        (UnitSpec { name: "".into(), ..spec() }, "name"),
        (UnitSpec { name: " \u{3000}".into(), ..spec() }, "name"),
        (UnitSpec { name: "教育\n局".into(), ..spec() }, "name"),
        (UnitSpec { name: "教育\u{202E}局".into(), ..spec() }, "name"),
        (UnitSpec { name: "教育\u{200B}局".into(), ..spec() }, "name"),
        (UnitSpec { name: "x".repeat(UNIT_NAME_LEN_MAX + 1).into(), ..spec() }, "name"),
        (UnitSpec { admin_function_proof: Some("".into()), ..spec() }, "admin_function_proof"),
        (
            UnitSpec { admin_function_proof: Some("x".repeat(PROOF_LEN_MAX + 1).into()), ..spec() },
            "admin_function_proof",
        ),
    ] {
        assert_eq!(world.refuses(&operator(), put("u3", spec)), (Code::UnitInvalid, field.into()));
    }
}

#[test]
fn versions_guard_against_lost_updates() {
    let mut world = World::new();
    let version = world.memory.units[&unit_id("u1")].version;
    for (if_match, id) in [(version + 1, "u1"), (version, "u3")] {
        world.if_match = Some(if_match);
        assert_eq!(world.refuses(&operator(), put(id, unit_spec(UnitKind::Organ))).0, Code::VersionStale);
    }
    world.if_match = Some(version);
    let spec = UnitSpec { name: "靖远县财政局".into(), ..unit_spec(UnitKind::Organ) };
    world.does(&operator(), put("u1", spec));
}

#[test]
fn a_region_bounds_what_its_actor_reaches() {
    let mut world = World::new();
    let county = actor("county", Role::Operator, Some("620421"));
    let elsewhere = UnitSpec { region: Region::parse("620422").unwrap(), ..unit_spec(UnitKind::Institution) };
    // Neither a foreign unit, nor into or out of a foreign region.
    for (id, spec) in [("u3", elsewhere.clone()), ("u1", elsewhere), ("u2", unit_spec(UnitKind::Institution))] {
        assert_eq!(world.refuses(&county, put(id, spec)).0, Code::RegionForeign);
    }
    let township = UnitSpec { region: Region::parse("620421100").unwrap(), ..unit_spec(UnitKind::Organ) };
    world.does(&county, put("u3", township));
}

#[test]
fn the_kind_opens_suffixes() {
    use UnitKind::*;
    for (kind, proof, government, public) in [
        (Organ, false, true, false),
        (Organ, true, true, false),
        (Institution, false, false, true),
        (Institution, true, true, true),
        (SocialOrganisation, false, false, true),
        (SocialOrganisation, true, false, true),
    ] {
        let mut world = World::new();
        let admin_function_proof = proof.then(|| "doc-7".into());
        world.does(&operator(), put("u3", UnitSpec { admin_function_proof, ..unit_spec(kind) }));
        for (name, allowed) in [("靖远县城市管理局.政务", government), ("靖远县城市管理局.公益", public)]
        {
            let key = world.key(name);
            let command = Command::PutName { key, spec: name_spec("u3", Some(2)) };
            match allowed {
                true => drop(world.does(&operator(), command)),
                false => assert_eq!(world.refuses(&operator(), command).0, Code::SuffixNotAllowed, "{kind:?} {name}"),
            }
        }
    }
}

#[test]
fn the_kind_cannot_leave_a_name_behind() {
    let mut world = World::new();
    world.register("靖远县教育局.政务");
    let with_proof =
        |kind, proof: bool| UnitSpec { admin_function_proof: proof.then(|| "doc-7".into()), ..unit_spec(kind) };
    for spec in [with_proof(UnitKind::Institution, false), with_proof(UnitKind::SocialOrganisation, true)] {
        assert_eq!(world.refuses(&operator(), put("u1", spec)), (Code::SuffixNotAllowed, "kind".into()));
    }
    world.does(&operator(), put("u1", with_proof(UnitKind::Institution, true)));
    // The proof is now what carries the name.
    assert_eq!(
        world.refuses(&operator(), put("u1", with_proof(UnitKind::Institution, false))).0,
        Code::SuffixNotAllowed
    );
}

#[test]
fn zones_are_noted_as_read() {
    let mut world = World::new();
    let command = Command::LoadZones { digests: vec![("xn--zfr164b.".into(), [7; 32])] };
    assert_eq!(world.refuses(&submitter(), command.clone()).0, Code::RoleForbidden);
    let decision = world.does(&clock(), command);
    assert_eq!(decision.events, [Event::ZoneLoaded { apex: "xn--zfr164b.".into(), digest: [7; 32] }]);
}
