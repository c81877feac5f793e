package dev.millrace.network;

import dev.millrace.kernel.Team;

/** Two or three tasks, none of which reads what another writes, in one round of the team. */
final class Together implements Team.Task {
  private final Team team;
  private final Team.Task[] tasks = new Team.Task[3];
  private int count;

  Together(Team team) {
    this.team = team;
  }

  void run(Team.Task first, Team.Task second) {
    tasks[0] = first;
    tasks[1] = second;
    count = 2;
    team.run(this);
  }

  void run(Team.Task first, Team.Task second, Team.Task third) {
    tasks[0] = first;
    tasks[1] = second;
    tasks[2] = third;
    count = 3;
    team.run(this);
  }

  @Override
  public void run(int part, int parts) {
    for (int i = 0; i < count; i++) {
      tasks[i].run(part, parts);
    }
  }
}
