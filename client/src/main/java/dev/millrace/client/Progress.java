package dev.millrace.client;

import com.google.protobuf.ByteString;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TokenIds;
import io.grpc.Status;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What has arrived of one generation, over all the calls that it took: enough to go on by Resume on
 * any server, and to see that nothing is repeated or lost. Used by one thread at a time.
 */
final class Progress {
  /** As the contract limits candidate_count; a request beyond it is the server's to refuse. */
  private static final int MAX_CANDIDATES = 16;

  private final GenerateRequest request;
  private final List<TokenIds.Builder> candidates;
  private ByteString resumeToken = ByteString.EMPTY;
  private long nextSequenceNumber;
  private @Nullable GenerateResponse last; // that arrived
  private @Nullable GenerateResponse again; // that will arrive a second time
  private boolean summarized;

  Progress(GenerateRequest request) {
    this.request = request;
    int count = Math.clamp(request.getCandidateCount(), 1, MAX_CANDIDATES);
    this.candidates = IntStream.range(0, count).mapToObj(i -> TokenIds.newBuilder()).toList();
    if (request.hasResume()) {
      Resume given = request.getResume();
      resumeToken = given.getToken();
      nextSequenceNumber = given.getAfterSequenceNumber() + 1;
      for (int i = 0; i < Math.min(count, given.getCandidatesCount()); i++) {
        candidates.get(i).mergeFrom(given.getCandidates(i));
      }
    }
  }

  /** The caller's request; behind the first event, with where to go on. */
  GenerateRequest nextRequest() {
    if (nextSequenceNumber == 0) {
      return request;
    }
    GenerateResponse repeated = isLastOfUnknown(last) ? last : null;
    again = repeated;
    Resume.Builder resume =
        Resume.newBuilder()
            .setToken(resumeToken)
            .setAfterSequenceNumber(nextSequenceNumber - (repeated == null ? 1 : 2));
    for (int i = 0; i < candidates.size(); i++) {
      List<Integer> ids = candidates.get(i).getIdsList();
      int fewer =
          repeated != null && repeated.getDelta().getCandidate() == i
              ? repeated.getDelta().getTokenIdsCount()
              : 0;
      int kept = ids.size() - fewer;
      resume.addCandidates(TokenIds.newBuilder().addAllIds(ids.subList(0, kept)));
    }
    return request.toBuilder().setResume(resume).build();
  }

  /**
   * Several candidates' tokens don't tell a server whose came last. If those ended a candidate, the
   * end that is missing couldn't be known, so the server is asked for them once more. An event with
   * fewer tokens than usual may be a time limit's, which wouldn't come again.
   */
  private boolean isLastOfUnknown(@Nullable GenerateResponse event) {
    int usual = Math.max(1, request.getOutput().getTokensPerEvent());
    return candidates.size() > 1
        && event != null
        && event.hasDelta()
        && event.getDelta().getTokenIdsCount() == usual;
  }

  /** Whether another call can take over from here. */
  boolean canGoOn() {
    return nextSequenceNumber == 0 || !resumeToken.isEmpty();
  }

  /** Events so far; grows with each. */
  long events() {
    return nextSequenceNumber;
  }

  /** Whether the last event has arrived: what happens to the call after that doesn't matter. */
  boolean isComplete() {
    return summarized;
  }

  /** The event, unless it is asked for once more only. */
  Optional<GenerateResponse> accept(GenerateResponse event) {
    if (again != null) {
      if (!event.equals(again)) {
        throw broken("event " + (nextSequenceNumber - 1) + " isn't what it was before");
      }
      again = null;
      return Optional.empty();
    }
    if (event.getSequenceNumber() != nextSequenceNumber) {
      throw broken(
          "event "
              + Long.toUnsignedString(event.getSequenceNumber())
              + " arrived where "
              + nextSequenceNumber
              + " was due");
    }
    switch (event.getEventCase()) {
      case STARTED -> resumeToken = event.getStarted().getResumeToken();
      case DELTA -> keepTokens(event.getDelta());
      case SUMMARY -> summarized = true;
      default -> {}
    }
    nextSequenceNumber++;
    last = event;
    return Optional.of(event);
  }

  private void keepTokens(TextDelta delta) {
    int candidate = delta.getCandidate();
    if (candidate < 0 || candidate >= candidates.size()) {
      throw broken(
          "text for candidate "
              + Integer.toUnsignedString(candidate)
              + " arrived, of "
              + candidates.size());
    }
    candidates.get(candidate).addAllIds(delta.getTokenIdsList());
  }

  /** Called when a call ended well. */
  void requireComplete() {
    if (!summarized) {
      throw broken("the stream ended without its summary, after " + events() + " events");
    }
  }

  private static MillraceException broken(String what) {
    return new MillraceException(Status.Code.INTERNAL, "the server broke the contract: " + what);
  }
}
