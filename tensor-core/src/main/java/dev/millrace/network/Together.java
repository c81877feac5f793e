package dev.millrace.network;

import dev.millrace.kernel.Team;

/** Three tasks, none of which reads what another writes, in one round of the team. */
final class Together implements Team.Task {
  private static final Team.Task NOTHING = (part, parts) -> {};

  private final Team team;
  private Team.Task first = NOTHING;
  private Team.Task second = NOTHING;
  private Team.Task third = NOTHING;

  Together(Team team) {
    this.team = team;
  }

  void run(Team.Task first, Team.Task second, Team.Task third) {
    this.first = first;
    this.second = second;
    this.third = third;
    team.run(this);
  }

  @Override
  public int shares() {
    return Math.max(first.shares(), Math.max(second.shares(), third.shares()));
  }

  @Override
  public void run(int part, int parts) {
    first.run(part, parts);
    second.run(part, parts);
    third.run(part, parts);
  }
}
