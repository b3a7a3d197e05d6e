using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using OllamaSharp;
using PerfCompare.Agent.Messages;

namespace PerfCompare.Agent.Model;

/// <summary>Builds the agent as an application would, with or without our instruments.</summary>
internal static class AgentFactory
{
    private const string Name = "PerformanceTestAgent";

    /// <summary>The agent that is measured.</summary>
    public static AIAgent Instrumented(TestConfiguration configuration, ModelEndpoint endpoint)
    {
        var http = ModelHttpClient.Create(endpoint, sockets => new InstrumentedTransport(sockets));
        IChatClient client = new OllamaApiClient(http, configuration.Model);
        var delay = new ModelDelay(configuration.DelayMs);
        return AgentOver(delay.IsNone ? client : new DelayingChatClient(client, delay), configuration);
    }

    /// <summary>
    /// The same agent with nothing of ours between the framework and the socket. It sends the same
    /// headers, a constant <c>traceparent</c> among them: that one is work, not measuring.
    /// </summary>
    public static AIAgent Bare(TestConfiguration configuration, ModelEndpoint endpoint)
    {
        var http = ModelHttpClient.Create(endpoint);
        http.DefaultRequestHeaders.Add("traceparent", TraceIds.Derive(nameof(Bare), 1, 1).TraceParent);
        return AgentOver(new OllamaApiClient(http, configuration.Model), configuration);
    }

    private static ChatClientAgent AgentOver(IChatClient client, TestConfiguration configuration) =>
        client.AsAIAgent(new ChatClientAgentOptions
        {
            Name = Name,
            ChatOptions = new ChatOptions
            {
                Instructions = configuration.Instructions,
                Temperature = (float)configuration.Temperature,
                Seed = configuration.Seed,
                MaxOutputTokens = configuration.MaxTokens,

                // Becomes think:false on the wire; a thinking model thinks unless told not to.
                Reasoning = new() { Effort = ReasoningEffort.None },
            },
        });
}
