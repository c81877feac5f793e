package dev.millrace.client;

import com.google.protobuf.ByteString;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TokenIds;
import io.grpc.Status;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What has arrived of one generation, over all the calls that it took: enough to go on by Resume on
 * any server, and to see that nothing is repeated or lost. Used by one thread at a time.
 */
final class Progress {
  /** As the contract limits candidate_count; a request beyond it is the server's to refuse. */
  private static final int MAX_CANDIDATES = 16;

  private final GenerateRequest request;
  private final List<TokenIds.Builder> candidates;
  private final BitSet withAllText = new BitSet(); // candidates
  private final BitSet finished = new BitSet(); // candidates
  private ByteString resumeToken = ByteString.EMPTY;
  private long nextSequenceNumber;
  private long toldAgain; // events of this call that had arrived before
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
    toldAgain = 0;
    if (nextSequenceNumber == 0) {
      return request;
    }
    Resume.Builder resume =
        Resume.newBuilder().setToken(resumeToken).setAfterSequenceNumber(nextSequenceNumber - 1);
    candidates.forEach(resume::addCandidates);
    return request.toBuilder().setResume(resume).build();
  }

  /** Whether another call can take over from here. */
  boolean canGoOn() {
    return nextSequenceNumber == 0 || !resumeToken.isEmpty();
  }

  /** Events so far; grows with each. */
  long events() {
    return nextSequenceNumber;
  }

  /** Whether anything has been generated; events come before that, while the request waits. */
  boolean hasOutput() {
    return candidates.stream().anyMatch(ids -> ids.getIdsCount() > 0);
  }

  /** Whether the last event has arrived: what happens to the call after that doesn't matter. */
  boolean isComplete() {
    return summarized;
  }

  /** The event, unless it had arrived before; its number counts those only that are new. */
  Optional<GenerateResponse> accept(GenerateResponse event) {
    long due = nextSequenceNumber + toldAgain;
    if (event.getSequenceNumber() != due) {
      throw broken(
          "event "
              + Long.toUnsignedString(event.getSequenceNumber())
              + " arrived where "
              + due
              + " was due");
    }
    if (isToldAgain(event)) {
      toldAgain++;
      return Optional.empty();
    }
    switch (event.getEventCase()) {
      case STARTED -> resumeToken = event.getStarted().getResumeToken();
      case DELTA -> keep(event.getDelta());
      case FINISHED -> finished.set(event.getFinished().getCandidate());
      case SUMMARY -> summarized = true;
      default -> {}
    }
    GenerateResponse numbered =
        toldAgain == 0 ? event : event.toBuilder().setSequenceNumber(nextSequenceNumber).build();
    nextSequenceNumber++;
    return Optional.of(numbered);
  }

  /**
   * The tokens of several candidates don't tell a server which of their ends have arrived, so it
   * tells those of all that have ended.
   */
  private boolean isToldAgain(GenerateResponse event) {
    return switch (event.getEventCase()) {
      case DELTA -> {
        int candidate = checked(event.getDelta().getCandidate());
        yield withAllText.get(candidate) || finished.get(candidate);
      }
      case FINISHED -> finished.get(checked(event.getFinished().getCandidate()));
      default -> false;
    };
  }

  private void keep(TextDelta delta) {
    candidates.get(delta.getCandidate()).addAllIds(delta.getTokenIdsList());
    if (delta.getTokenIdsCount() == 0) { // only a candidate's last one can have none
      withAllText.set(delta.getCandidate());
    }
  }

  private int checked(int candidate) {
    if (candidate < 0 || candidate >= candidates.size()) {
      throw broken(
          "an event of candidate "
              + Integer.toUnsignedString(candidate)
              + " arrived, of "
              + candidates.size());
    }
    return candidate;
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
