//! The dashboard against Grafana's own description of what a dashboard is: `@grafana/schema`, checked by TypeScript.

use std::path::PathBuf;
use std::process::Command;

use crate::program::{ROOT, finish};

/// Loosened where the schema refuses dashboards that Grafana itself wrote: panels and what is in them differ by plugin,
/// the current value of a variable may be a list, and what intervals and annotations of Prometheus say is not in it.
const TYPED: &str = r#"
import type { Dashboard, Panel, VariableModel, AnnotationQuery } from "@grafana/schema";

type Loose<T, K extends keyof T> = Omit<T, K> & { [key in K]?: unknown };
type LoosePanel = Loose<Panel, "fieldConfig" | "options" | "datasource" | "targets" | "transformations">;
type LooseVariable = Loose<VariableModel, "current" | "options" | "query" | "datasource">;
type LooseDashboard = Omit<Dashboard, "panels" | "templating" | "annotations"> & {
  panels: (LoosePanel & { id: number; gridPos: { x: number; y: number; w: number; h: number } })[];
  templating: { list: (LooseVariable & OfInterval & { definition?: string })[] };
  annotations: { list: (Partial<AnnotationQuery> & OfPrometheus)[] };
};
type OfInterval = { auto?: boolean; auto_count?: number; auto_min?: string };
type OfPrometheus = { expr: string; step?: string; useValueForTime?: string; titleFormat?: string; textFormat?: string; tagKeys?: string };

export const dashboard: LooseDashboard =
"#;

#[test]
fn the_dashboard_is_one_to_grafanas_own_types() {
    // `scripts/test` installs both packages here.
    let folder = PathBuf::from(ROOT).join("target/grafana");
    assert!(
        folder.join("node_modules/@grafana/schema").is_dir(),
        "@grafana/schema is missing: scripts/test installs it"
    );
    let json = std::fs::read_to_string(PathBuf::from(ROOT).join("dashboards/load-testing.json")).expect("it is there");
    std::fs::write(folder.join("dashboard.ts"), format!("{TYPED}{json};\n")).expect("target/ can be written");
    let mut tsc = Command::new("node_modules/.bin/tsc");
    tsc.args(["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]);
    tsc.arg("dashboard.ts").current_dir(folder);
    finish(tsc).with(0);
}
