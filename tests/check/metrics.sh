#!/bin/sh
# Are the alerts right, and is the dashboard one? Does either name what /metrics does not have, is each alert tested, and explained in
# docs/operations.md? Wants promtool and jq.
set -eu
cd "$(dirname -- "$0")/../.."

rules=docs/prometheus-rules.yml board=docs/grafana.json
failed=0

complain() {
	echo "metrics.sh: $*" >&2
	failed=1
}

# Reads text, prints the names of metrics in it; what a histogram has besides its own name is the histogram.
names() {
	grep -o 'orders_[a-z_]*[a-z]' | sed 's/_bucket$//; s/_seconds_\(sum\|count\)$/_seconds/' | sort -u
}

said=$(promtool check rules "$rules" 2>&1) || complain "$said"
said=$(promtool test rules docs/prometheus-rules-test.yml 2>&1) || complain "$said"

dir=$(mktemp -d)
trap 'rm -rf -- "$dir"' EXIT
grep -o '"orders_[a-z_]*"' lib/api/metrics.c | names >"$dir/there"
sed 's/#.*//' "$rules" | names >"$dir/alerts"
jq -r '.panels[].targets[]?.expr, .templating.list[].query.query?' "$board" | names >"$dir/board"
[ "$(wc -l <"$dir/there")" -gt 20 ] || complain "lib/api/metrics.c: its metrics were not found"
for file in alerts board; do
	[ -s "$dir/$file" ] || complain "$file: no metric was found"
	unknown=$(comm -13 "$dir/there" "$dir/$file")
	[ -z "$unknown" ] || complain "$file: /metrics has no $unknown"
done
unseen=$(comm -23 "$dir/there" "$dir/board")
[ -z "$unseen" ] || complain "$board: no panel shows $unseen"

sed -n 's/.*- alert: //p' "$rules" >"$dir/named"
while read -r alert; do
	grep -q "^| \`$alert\` |" docs/operations.md || complain "$alert: docs/operations.md does not explain it"
	[ "$(grep -cw "alertname: $alert" docs/prometheus-rules-test.yml)" -ge 2 ] || complain "$alert: not tested at rest and at work"
done <"$dir/named"
for word in for: severity: summary: runbook:; do
	[ "$(grep -c "^ .*[ {]$word" "$rules")" = "$(grep -c -- '- alert:' "$rules")" ] || complain "$rules: not each alert has $word"
done
sed -n 's/.*runbook: "docs\/operations.md: \(.*\)"/\1/p' "$rules" | sort -u >"$dir/headings"
while read -r heading; do
	grep -qF -e "## $heading" -e "**$heading" docs/operations.md ||
		complain "docs/operations.md has no \"$heading\""
done <"$dir/headings"

# What Grafana needs of a dashboard to import it: its own ids apart, nothing on top of another, one variable for the source of it all.
jq -e '
	.schemaVersion >= 36 and (.title | length > 0) and (.uid | length > 0) and
	([.panels[].id] | length == (unique | length)) and
	([.panels[].gridPos | .x >= 0 and .x + .w <= 24 and .w > 0 and .h > 0] | all) and
	([.panels[] | . as $a | ["\($a.gridPos.x) \($a.gridPos.y)"]] | length == (unique | length)) and
	([.panels[] | select(.type != "row") | (.title | length > 0) and (.targets | length > 0) and
		.datasource.uid == "${datasource}" and ([.targets[] | .datasource.uid == "${datasource}" and (.expr | length > 0)] | all)] | all) and
	([.templating.list[] | select(.name == "datasource" and .type == "datasource" and .query == "prometheus")] | length == 1)
' "$board" >/dev/null || complain "$board: not a dashboard that can be imported"

exit $failed
