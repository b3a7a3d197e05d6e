using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using OllamaSharp;
using PerfCompare.Agent.Messages;
using PerfCompare.Agent.Model;
using PerfCompare.Agent.Scenarios;

namespace PerfCompare.Agent.Flavours;

/// <summary>Builds the agent as an application would.</summary>
internal static class AgentFactory
{
    private const string Name = "PerformanceTestAgent";

    public static AIAgent Create(HttpClient http, TestConfiguration configuration)
    {
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
                Tools = configuration.Scenario is Scenario.Tools ? LocalTools.Functions() : null,

                // Becomes think:false on the wire; a thinking model thinks unless told not to.
                Reasoning = new() { Effort = ReasoningEffort.None },
            },
        });
}
