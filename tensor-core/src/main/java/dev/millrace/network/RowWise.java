package dev.millrace.network;

import dev.millrace.kernel.Team;

/**
 * Work that treats each row by itself, split over the team by rows. A single row stays with the
 * caller: waking the others would take longer than the row.
 *
 * <p>Like all layers it keeps a call's arguments in fields while the call lasts: a step makes no
 * garbage, and a network has one caller at a time.
 */
abstract class RowWise implements Team.Task {
  private final Team team;
  private int rows;

  RowWise(Team team) {
    this.team = team;
  }

  final void runRows(int count) {
    rows = count;
    if (count == 1) {
      rows(0, 1);
    } else if (count > 1) {
      team.run(this);
    }
  }

  @Override
  public final void run(int part, int parts) {
    rows(Team.split(rows, part, parts), Team.split(rows, part + 1, parts));
  }

  /** Computes rows [from, to). */
  abstract void rows(int from, int to);
}
