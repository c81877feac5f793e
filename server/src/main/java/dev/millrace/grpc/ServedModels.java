package dev.millrace.grpc;

import dev.millrace.request.InvalidRequestException;
import dev.millrace.request.InvalidRequestException.Kind;
import java.util.List;
import java.util.stream.Collectors;

/** The models that are served, the default one first. None before the server is ready. */
public final class ServedModels {
  private volatile List<ServedModel> models = List.of();

  /** From now on, these are served. */
  public void publish(List<ServedModel> ready) {
    models = List.copyOf(ready);
  }

  boolean isEmpty() {
    return models.isEmpty();
  }

  /**
   * @throws ServerStartingException before there are any
   */
  List<ServedModel> all() {
    List<ServedModel> all = models;
    if (all.isEmpty()) {
      throw new ServerStartingException();
    }
    return all;
  }

  /**
   * @param name a model's name or reference; empty is the default model
   * @throws ServerStartingException before there are any
   * @throws InvalidRequestException NOT_FOUND, naming those that are served
   */
  ServedModel find(String name) {
    List<ServedModel> all = all();
    if (name.isEmpty()) {
      return all.getFirst();
    }
    return all.stream()
        .filter(model -> name.equals(model.profile().name()) || name.equals(model.reference()))
        .findFirst()
        .orElseThrow(
            () ->
                new InvalidRequestException(
                    Kind.NOT_FOUND,
                    "model",
                    "no model has this name; served are "
                        + all.stream()
                            .map(model -> model.profile().name())
                            .collect(Collectors.joining(", "))));
  }
}
