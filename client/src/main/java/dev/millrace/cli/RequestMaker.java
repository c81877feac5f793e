package dev.millrace.cli;

import com.google.protobuf.Duration;
import dev.millrace.v1.ChatPrompt;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.LogprobsKind;
import dev.millrace.v1.OutputOptions;
import dev.millrace.v1.Priority;
import dev.millrace.v1.ResponseFormat;
import dev.millrace.v1.SamplingParameters;
import dev.millrace.v1.StopCriteria;
import java.io.IOException;
import java.nio.file.Path;

/** From options to the API's messages. What isn't given stays unset: defaults are the server's. */
final class RequestMaker {
  private static final double NANOS_PER_SECOND = 1e9;

  private RequestMaker() {}

  static SamplingParameters sampling(SamplingOptions options) {
    SamplingParameters.Builder sampling =
        SamplingParameters.newBuilder().putAllLogitBias(options.logitBias);
    if (options.temperature != null) {
      sampling.setTemperature(options.temperature);
    }
    if (options.topK != null) {
      sampling.setTopK(options.topK);
    }
    if (options.topP != null) {
      sampling.setTopP(options.topP);
    }
    if (options.minP != null) {
      sampling.setMinP(options.minP);
    }
    if (options.repetitionPenalty != null) {
      sampling.setRepetitionPenalty(options.repetitionPenalty);
    }
    if (options.frequencyPenalty != null) {
      sampling.setFrequencyPenalty(options.frequencyPenalty);
    }
    if (options.presencePenalty != null) {
      sampling.setPresencePenalty(options.presencePenalty);
    }
    if (options.penaltyWindow != null) {
      sampling.setPenaltyWindow(options.penaltyWindow);
    }
    if (options.seed != null) {
      sampling.setSeed(options.seed);
    }
    return sampling.build();
  }

  static StopCriteria stop(StopOptions options) {
    StopCriteria.Builder stop =
        StopCriteria.newBuilder()
            .setMaxTokens(options.maxTokens)
            .setMinTokens(options.minTokens)
            .addAllSequences(options.texts)
            .addAllTokenIds(options.tokenIds)
            .setIncludeStop(options.include)
            .setIgnoreEos(options.ignoreEos);
    if (options.timeLimit != null) {
      stop.setTimeLimit(seconds(options.timeLimit));
    }
    return stop.build();
  }

  static OutputOptions output(TellOptions options) {
    OutputOptions.Builder output =
        OutputOptions.newBuilder()
            .setTokens(options.tokens)
            .setPromptTokens(options.promptTokens)
            .setTopCandidates(options.topCandidates)
            .setEchoPrompt(options.echo);
    if (options.logprobs != null) {
      output
          .setLogprobs(true)
          .setLogprobsKind(
              switch (options.logprobs) {
                case RAW -> LogprobsKind.LOGPROBS_KIND_RAW;
                case PROCESSED -> LogprobsKind.LOGPROBS_KIND_PROCESSED;
              });
    }
    if (options.tokensPerEvent != null) {
      output.setTokensPerEvent(options.tokensPerEvent);
    }
    return output.build();
  }

  static ChatPrompt chat(PromptOptions options, Path messages) throws IOException {
    ChatPrompt.Builder chat =
        ChatPrompt.newBuilder()
            .addAllMessages(new ChatFile().read(messages))
            .setTemplateArgumentsJson(options.templateArguments);
    if (options.tools != null) {
      chat.addAllToolsJson(ChatFile.documents(options.tools));
    }
    if (options.noGenerationPrompt) {
      chat.setAddGenerationPrompt(false);
    }
    return chat.build();
  }

  /**
   * @param options of which one is given
   */
  static ResponseFormat format(FormatOptions options) throws IOException {
    ResponseFormat.Builder format = ResponseFormat.newBuilder();
    if (options.jsonSchema != null) {
      format.setJsonSchema(PromptOptions.textOrFile(options.jsonSchema));
    } else if (options.regex != null) {
      format.setRegex(options.regex);
    } else if (options.grammar != null) {
      format.setGrammar(PromptOptions.textOrFile(options.grammar));
    } else if (options.jsonObject) {
      format.setJsonObject(ResponseFormat.JsonObject.getDefaultInstance());
    } else {
      format.getChoiceBuilder().addAllOptions(options.choices);
    }
    return format.build();
  }

  static void queue(QueueOptions options, GenerateRequest.Builder request) {
    request
        .setAdapter(options.adapter)
        .setCacheSalt(options.cacheSalt)
        .setRequestId(options.requestId);
    if (options.candidates != 1) {
      request.setCandidateCount(options.candidates);
    }
    if (options.priority != null) {
      request.setPriority(
          switch (options.priority) {
            case BATCH -> Priority.PRIORITY_BATCH;
            case NORMAL -> Priority.PRIORITY_NORMAL;
            case INTERACTIVE -> Priority.PRIORITY_INTERACTIVE;
          });
    }
    if (options.maxQueueTime != null) {
      request.setMaxQueueTime(seconds(options.maxQueueTime));
    }
  }

  private static Duration seconds(double seconds) {
    long nanos = Math.round(seconds * NANOS_PER_SECOND);
    long second = (long) NANOS_PER_SECOND;
    return Duration.newBuilder()
        .setSeconds(nanos / second)
        .setNanos((int) (nanos % second))
        .build();
  }
}
