package dev.millrace.grpc;

import static dev.millrace.request.InvalidRequestException.invalid;

import com.google.protobuf.UnsafeByteOperations;
import dev.millrace.request.ChatReader;
import dev.millrace.request.Checks;
import dev.millrace.request.ModelChat;
import dev.millrace.request.ModelProfile;
import dev.millrace.template.Rendering;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizer.TokenSpan;
import dev.millrace.v1.DetokenizeRequest;
import dev.millrace.v1.DetokenizeResponse;
import dev.millrace.v1.RenderChatRequest;
import dev.millrace.v1.RenderChatResponse;
import dev.millrace.v1.TokenizationServiceGrpc.TokenizationServiceImplBase;
import dev.millrace.v1.TokenizeRequest;
import dev.millrace.v1.TokenizeResponse;
import dev.millrace.v1.TokenizeResponse.Token;
import io.grpc.stub.StreamObserver;
import reactor.core.publisher.Mono;
import reactor.core.scheduler.Scheduler;

/** Text to token ids and back. */
final class TokenizationService extends TokenizationServiceImplBase {
  /** Each byte may become a token of some 30 bytes in the answer. */
  static final int MAX_TEXT_BYTES = 1 << 20;

  private final ServedModels models;
  private final Scheduler reading;

  /**
   * @param reading where texts are tokenized
   */
  TokenizationService(ServedModels models, Scheduler reading) {
    this.models = models;
    this.reading = reading;
  }

  @Override
  public void tokenize(TokenizeRequest request, StreamObserver<TokenizeResponse> observer) {
    Mono.fromCallable(() -> tokenize(request))
        .subscribeOn(reading)
        .subscribe(new DemandBridge<>(observer));
  }

  private TokenizeResponse tokenize(TokenizeRequest request) {
    Tokenizer tokenizer = models.find(request.getModel()).profile().tokenizer();
    int bytes = request.getTextBytes().size();
    if (bytes > MAX_TEXT_BYTES) {
      throw invalid("text", bytes + " bytes; allowed are at most " + MAX_TEXT_BYTES);
    }
    boolean addSpecial = !request.hasAddSpecialTokens() || request.getAddSpecialTokens();
    TokenizeResponse.Builder response = TokenizeResponse.newBuilder();
    for (TokenSpan span :
        tokenizer.encodeWithSpans(request.getText(), addSpecial, request.getParseSpecialTokens())) {
      response.addTokens(
          Token.newBuilder()
              .setId(span.id())
              .setPiece(UnsafeByteOperations.unsafeWrap(tokenizer.piece(span.id())))
              .setBegin(span.begin())
              .setEnd(span.end()));
    }
    return response.build();
  }

  @Override
  public void detokenize(DetokenizeRequest request, StreamObserver<DetokenizeResponse> observer) {
    Mono.fromCallable(() -> detokenize(request))
        .subscribeOn(reading)
        .subscribe(new DemandBridge<>(observer));
  }

  private DetokenizeResponse detokenize(DetokenizeRequest request) {
    Tokenizer tokenizer = models.find(request.getModel()).profile().tokenizer();
    int[] ids = Checks.tokenIds("ids", request.getIdsList(), tokenizer.vocabularySize());
    return DetokenizeResponse.newBuilder()
        .setText(tokenizer.decode(ids, request.getSkipSpecialTokens()))
        .build();
  }

  @Override
  public void renderChat(RenderChatRequest request, StreamObserver<RenderChatResponse> observer) {
    Mono.fromCallable(() -> renderChat(request))
        .subscribeOn(reading)
        .subscribe(new DemandBridge<>(observer));
  }

  private RenderChatResponse renderChat(RenderChatRequest request) {
    ModelProfile model = models.find(request.getModel()).profile();
    Rendering rendering = ChatReader.render(request.getChat(), model, ModelChat.LOCAL_TIME);
    RenderChatResponse.Builder response = RenderChatResponse.newBuilder().setText(rendering.text());
    for (int id : ChatReader.encode(rendering, model)) {
      response.addTokenIds(id);
    }
    return response.build();
  }
}
