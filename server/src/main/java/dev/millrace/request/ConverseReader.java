package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import com.google.protobuf.Message;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseRequest.OpenConversation;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import dev.millrace.v1.TokenIds;

/** What the commands of a conversation ask for. */
public final class ConverseReader {
  private ConverseReader() {}

  /**
   * Checks what can be checked of an opening without its model.
   *
   * @return the parameters of all turns: the request without its prompt
   */
  public static GenerateRequest opening(OpenConversation asked) {
    GenerateRequest request = asked.getRequest();
    Checks.noUnknownFields("", request);
    if (request.hasResume()) {
      throw invalid("resume", "is for Generate; open the conversation with its history instead");
    }
    if (request.getCandidateCount() > 1) {
      throw invalid("candidate_count", "is 1 in a conversation: its history has one answer each");
    }
    if (asked.getCallerPicks() && request.getOutput().getEchoPrompt()) {
      throw invalid("output.echo_prompt", "doesn't go with caller_picks");
    }
    if (asked.getCallerPicks() && request.getOutput().getPromptTokens()) {
      throw invalid("output.prompt_tokens", "doesn't go with caller_picks");
    }
    return request.toBuilder()
        .clearPrompt()
        .clearAddSpecialTokens()
        .clearParseSpecialTokens()
        .build();
  }

  /**
   * The request of one turn: the opening's parameters, but for what the turn has of its own.
   * Without a seed there, a fresh one will be drawn.
   */
  public static GenerateRequest turn(
      GenerateRequest opening, SamplingParameters sampling, StopCriteria stop, int[] prompt) {
    GenerateRequest.Builder request = opening.toBuilder();
    request.getSamplingBuilder().clearSeed().mergeFrom(sampling);
    if (stop.getSequencesCount() > 0) {
      request.getStopBuilder().clearSequences();
    }
    if (stop.getTokenIdsCount() > 0) {
      request.getStopBuilder().clearTokenIds();
    }
    request.getStopBuilder().mergeFrom(stop);
    TokenIds.Builder ids = TokenIds.newBuilder();
    for (int id : prompt) {
      ids.addIds(id);
    }
    return request.setTokenIds(ids).build();
  }

  /** Which field of the call a command is; for messages. */
  public static String field(ConverseRequest command) {
    return switch (command.getCommandCase()) {
      case OPEN -> "open.request";
      case TURN -> "turn";
      case INTERRUPT -> "interrupt";
      case REGENERATE -> "regenerate";
      case PICK -> "pick";
      case REWIND -> "rewind";
      case COMMAND_NOT_SET -> "command";
    };
  }

  public static void checkUnknownFields(Message command) {
    Checks.noUnknownFields("", command);
  }
}
