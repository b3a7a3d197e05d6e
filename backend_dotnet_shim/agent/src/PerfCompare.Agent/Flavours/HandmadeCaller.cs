using System.Diagnostics;
using System.Text.Json;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;
using PerfCompare.Agent.Scenarios;

namespace PerfCompare.Agent.Flavours;

/// <summary>
/// What a framework does, done by hand: messages, history, functions and the typed answer. How one
/// model call is made, and what a message is, are the subclass's.
/// </summary>
internal abstract class HandmadeCaller<TMessage>(TestConfiguration configuration) : IModelCaller
{
    // A model that goes on asking for functions is asked no more after so many, as in the framework.
    private const int MaxModelCalls = 40;

    private readonly ModelDelay _delay = new(configuration.DelayMs);

    public ValueTask<object> OpenSessionAsync() => new(new List<TMessage>());

    public Task CallAsync(Iteration iteration, CancellationToken cancellationToken) =>
        AskAsync(iteration, isStreamed: false, cancellationToken);

    public Task StreamAsync(Iteration iteration, CancellationToken cancellationToken) =>
        AskAsync(iteration, isStreamed: true, cancellationToken);

    protected abstract TMessage Message(string role, string content);

    protected abstract TMessage ToolResult(string toolName, string content);

    protected abstract string Content(TMessage message);

    protected abstract IReadOnlyList<ToolRequest> ToolRequests(TMessage message);

    /// <summary>Makes one model call and returns the model's message.</summary>
    protected abstract Task<TMessage> CompleteAsync(IReadOnlyList<TMessage> messages, CancellationToken cancellationToken);

    /// <summary>The same in pieces; the message is returned when it is complete.</summary>
    protected abstract Task<TMessage> StreamAsync(
        IReadOnlyList<TMessage> messages,
        Iteration iteration,
        CancellationToken cancellationToken);

    private async Task AskAsync(Iteration iteration, bool isStreamed, CancellationToken cancellationToken)
    {
        var history = (List<TMessage>?)iteration.Session;
        var question = Message("user", iteration.Prompt);
        List<TMessage> messages = [.. Instructions(), .. history ?? [], question];
        var answer = await AnswerAsync(messages, iteration, isStreamed, cancellationToken).ConfigureAwait(false);
        for (var calls = 1; calls < MaxModelCalls && Requested(answer) is { Count: > 0 } requests; calls++)
        {
            messages.Add(answer);
            messages.AddRange(requests.Select(request => Invoke(request, iteration)));
            answer = await AnswerAsync(messages, iteration, isStreamed, cancellationToken).ConfigureAwait(false);
        }

        if (configuration.Scenario is Scenario.Structured)
        {
            iteration.Parse(() => CityFacts.Parse(Content(answer)));
        }

        history?.AddRange([question, answer]);
    }

    private async Task<TMessage> AnswerAsync(
        List<TMessage> messages,
        Iteration iteration,
        bool isStreamed,
        CancellationToken cancellationToken)
    {
        await _delay.WaitAsync(cancellationToken).ConfigureAwait(false);
        var call = isStreamed
            ? StreamAsync(messages, iteration, cancellationToken)
            : CompleteAsync(messages, cancellationToken);
        return await call.ConfigureAwait(false);
    }

    private TMessage[] Instructions() =>
        string.IsNullOrEmpty(configuration.Instructions) ? [] : [Message("system", configuration.Instructions)];

    private IReadOnlyList<ToolRequest> Requested(TMessage answer) =>
        configuration.Scenario is Scenario.Tools ? ToolRequests(answer) : [];

    private TMessage Invoke(ToolRequest request, Iteration iteration)
    {
        var started = Stopwatch.GetTimestamp();
        var result = LocalTools.Invoke(request.Name, request.Arguments);
        iteration.EndInvocation(started);
        return ToolResult(request.Name, result);
    }

    /// <summary>A function that the model asks for.</summary>
    protected readonly record struct ToolRequest(string Name, IReadOnlyDictionary<string, JsonElement> Arguments);
}
