package dev.millrace.grpc;

import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.GenerateResponse;

/** Numbers a conversation's events. Its answers use it, one after another. */
final class ConverseEvents {
  private int turn;
  private long nextNumber;

  /** Turn 0 answers the opening. */
  void nextTurn() {
    turn++;
  }

  /** The event of one answer as one of the conversation. */
  ConverseResponse of(GenerateResponse event) {
    ConverseResponse.Builder response = next();
    switch (event.getEventCase()) {
      // A conversation isn't resumed: its history opens another one.
      case STARTED -> response.setStarted(event.getStarted().toBuilder().clearResumeToken());
      case PROMPT -> response.setPrompt(event.getPrompt());
      case DELTA -> response.setDelta(event.getDelta());
      case FINISHED -> response.setFinished(event.getFinished());
      case SUMMARY -> response.setSummary(event.getSummary());
      case EVENT_NOT_SET -> throw new IllegalArgumentException("no event");
    }
    return response.build();
  }

  ConverseResponse of(ConverseResponse.PickRequest pick) {
    return next().setPick(pick).build();
  }

  private ConverseResponse.Builder next() {
    return ConverseResponse.newBuilder().setTurn(turn).setSequenceNumber(nextNumber++);
  }
}
