package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.request.GenerationRequest.StopSettings;
import dev.millrace.v1.StopCriteria;
import java.time.Duration;
import java.util.Optional;

/** When the output ends: fills in max_tokens and checks ranges. */
final class StopReader {
  private static final String PATH = "stop.";

  private StopReader() {}

  /**
   * @param room for new tokens that the prompt leaves, at least 1
   */
  static StopSettings read(StopCriteria asked, int room, int vocabulary) {
    int maxTokens =
        asked.hasMaxTokens()
            ? Checks.count(PATH + "max_tokens", asked.getMaxTokens(), 0, room)
            : room;
    int minTokens = Checks.count(PATH + "min_tokens", asked.getMinTokens(), 0, maxTokens);
    checkSequences(asked);
    Checks.atMost(PATH + "token_ids", "ids", asked.getTokenIdsCount(), Limits.MAX_STOP_TOKEN_IDS);
    return new StopSettings(
        maxTokens,
        minTokens,
        asked.getSequencesList(),
        Checks.tokenIds(PATH + "token_ids", asked.getTokenIdsList(), vocabulary),
        asked.getIncludeStop(),
        asked.getIgnoreEos(),
        timeLimit(asked));
  }

  private static void checkSequences(StopCriteria asked) {
    Checks.atMost(
        PATH + "sequences", "texts", asked.getSequencesCount(), Limits.MAX_STOP_SEQUENCES);
    for (int i = 0; i < asked.getSequencesCount(); i++) {
      int bytes = asked.getSequencesBytes(i).size();
      if (bytes == 0 || bytes > Limits.MAX_STOP_SEQUENCE_BYTES) {
        throw invalid(
            PATH + "sequences[" + i + "]",
            bytes + " bytes; allowed are 1 to " + Limits.MAX_STOP_SEQUENCE_BYTES);
      }
    }
  }

  private static Optional<Duration> timeLimit(StopCriteria asked) {
    return asked.hasTimeLimit()
        ? Optional.of(Checks.duration(PATH + "time_limit", asked.getTimeLimit()))
        : Optional.empty();
  }
}
